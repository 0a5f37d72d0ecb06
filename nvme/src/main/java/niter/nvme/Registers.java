package niter.nvme;

/**
 * The controller's registers as the guest sees them. Read from the function's state; writes are
 * staged in the open transaction. NVMe Base 2.2, section 3.1.4.
 */
final class Registers {
    /** What a write to CC asks for. */
    interface Configuration {
        /** EN went from 0 to 1. */
        void enable();

        /** EN went from 1 to 0. */
        void disable();

        /** SHN became other than 0. */
        void shutDown();
    }

    static final int ENABLE = 1;
    private static final int SHUTDOWN = 3 << 14;

    private final SlotState slot;
    private final Configuration configuration;

    Registers(SlotState slot, Configuration configuration) {
        this.slot = slot;
        this.configuration = configuration;
    }

    /** Any 1, 2, 4 or 8 bytes; what is no register reads as 0. */
    long read(long offset, int length) {
        long aligned = offset & ~3L;
        long value =
                Integer.toUnsignedLong(dword(aligned)) | (long) dword(aligned + 4) << Integer.SIZE;
        value >>>= 8 * (offset & 3);
        return length == 8 ? value : value & (1L << 8 * length) - 1;
    }

    private int dword(long offset) {
        Register register = Register.at(offset);
        if (register == null) {
            return 0;
        }
        return (int) (value(register) >>> 8 * (offset - register.offset));
    }

    private long value(Register register) {
        return switch (register) {
            case CAP -> Register.CAP_VALUE;
            case VS -> Register.VS_VALUE;
            case INTMS, INTMC -> slot.interruptMask();
            case CC -> slot.configuration();
            case CSTS -> status();
            case AQA -> slot.adminSizes();
            case ASQ -> slot.adminSubmissionBase();
            case ACQ -> slot.adminCompletionBase();
        };
    }

    /** RDY 0, CFS 1, SHST [3:2]. */
    private int status() {
        int ready = slot.ready() ? 1 : 0;
        return switch (slot.controllerState()) {
            case DISABLED, READY, RESETTING -> ready;
            case FAILED -> ready | 2;
            case SHUTTING_DOWN -> ready | 1 << 2;
            case SHUT_DOWN -> ready | 2 << 2;
        };
    }

    /** 32-bit writes, 64-bit ones as low then high; anything else is no access to a register. */
    void write(long offset, int length, long value) {
        if ((offset & 3) != 0 || length < 4) {
            return;
        }
        write(offset, (int) value);
        if (length == 8) {
            write(offset + 4, (int) (value >>> Integer.SIZE));
        }
    }

    private void write(long offset, int dword) {
        Register register = Register.at(offset);
        if (register == null) {
            return;
        }
        long current = value(register);
        long shift = 8 * (offset - register.offset);
        long mask = 0xffff_ffffL << shift;
        long written = current & ~mask | Integer.toUnsignedLong(dword) << shift;
        long next = register.afterWrite(current, written);
        switch (register) {
            case CAP, VS, CSTS -> {}
            case INTMS -> slot.interruptMask(slot.interruptMask() | dword);
            case INTMC -> slot.interruptMask(slot.interruptMask() & ~dword);
            case CC -> configure((int) current, (int) next);
            case AQA -> slot.adminSizes((int) next);
            case ASQ -> slot.adminSubmissionBase(next);
            case ACQ -> slot.adminCompletionBase(next);
        }
    }

    private void configure(int current, int next) {
        slot.configuration(next);
        int changed = current ^ next;
        if ((changed & ENABLE) != 0) {
            if ((next & ENABLE) != 0) {
                configuration.enable();
            } else {
                configuration.disable();
            }
        }
        if ((changed & SHUTDOWN) != 0 && (next & SHUTDOWN) != 0) {
            configuration.shutDown();
        }
    }
}
