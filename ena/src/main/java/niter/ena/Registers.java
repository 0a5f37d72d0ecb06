package niter.ena;

import niter.pcie.Function;

/** The registers of BAR0 but the doorbells. A transaction is open at writes. */
final class Registers {
    /** What a write may ask for. */
    interface Control {
        /** DEV_CTL.reset became 1. */
        void beginReset(int reason);

        /** DEV_CTL.reset became 0 after that. */
        void endReset();
    }

    private static final int ANSWER_BYTES = 8;

    private final SlotState slot;
    private final Function function;
    private final Control control;
    private final Failure failure;

    Registers(SlotState slot, Function function, Control control, Failure failure) {
        this.slot = slot;
        this.function = function;
        this.control = control;
        this.failure = failure;
    }

    /** Any 1, 2, 4 or 8 bytes; what is no register reads as 0. */
    long read(long offset, int length) {
        int aligned = (int) (offset & ~3L);
        long value = value(aligned) & 0xffff_ffffL | (long) value(aligned + 4) << Integer.SIZE;
        value >>>= 8 * (offset & 3);
        return length == 8 ? value : value & (1L << 8 * length) - 1;
    }

    private int value(int offset) {
        return switch (offset) {
            case Register.VERSION -> Register.VERSION_VALUE;
            case Register.CONTROLLER_VERSION -> Register.CONTROLLER_VERSION_VALUE;
            case Register.CAPS -> Register.CAPS_VALUE;
            case Register.INTERRUPT_MASK -> slot.interruptMask();
            case Register.DEVICE_STATUS -> status();
            default -> 0;
        };
    }

    private int status() {
        return switch (slot.deviceState()) {
            case READY ->
                    Register.STATUS_READY | (slot.resetDone() ? Register.STATUS_RESET_DONE : 0);
            case RESETTING -> Register.STATUS_RESETTING;
            case FAILED -> Register.STATUS_READY | Register.STATUS_FATAL;
        };
    }

    /** 32 bits; anything else is no access to a register. */
    void write(long offset, int length, int value) {
        if (length != 4) {
            return;
        }
        switch ((int) offset) {
            case Register.AQ_BASE_LOW -> slot.half(SlotState.Ring.ADMIN, false, value);
            case Register.AQ_BASE_HIGH -> slot.half(SlotState.Ring.ADMIN, true, value);
            case Register.AQ_CAPS -> latch(SlotState.Ring.ADMIN, value);
            case Register.ACQ_BASE_LOW -> slot.half(SlotState.Ring.ANSWERS, false, value);
            case Register.ACQ_BASE_HIGH -> slot.half(SlotState.Ring.ANSWERS, true, value);
            case Register.ACQ_CAPS -> latch(SlotState.Ring.ANSWERS, value);
            case Register.AENQ_BASE_LOW -> slot.half(SlotState.Ring.EVENTS, false, value);
            case Register.AENQ_BASE_HIGH -> slot.half(SlotState.Ring.EVENTS, true, value);
            case Register.AENQ_CAPS -> latch(SlotState.Ring.EVENTS, value);
            case Register.INTERRUPT_MASK -> slot.interruptMask(value);
            case Register.DEVICE_CONTROL -> control(value);
            case Register.READ_ANSWER_LOW -> slot.half(SlotState.Ring.READ, false, value);
            case Register.READ_ANSWER_HIGH -> slot.half(SlotState.Ring.READ, true, value);
            case Register.READ_REQUEST -> answer(value & 0xffff, value >>> 16);
            default -> {}
        }
    }

    /** A ring is taken when its size is written; 0 entries switch it off. */
    private void latch(SlotState.Ring ring, int value) {
        int depth = value & 0xffff;
        int bytes = value >>> 16;
        if (depth != 0
                && (bytes != Limits.ADMIN_BYTES
                        || depth > Limits.MAX_ADMIN_DEPTH
                        || (slot.base(ring) & 7) != 0)) {
            failure.broken(
                    "%s ring of %d entries of %d bytes, expected at most %d of %d, aligned to 8"
                            .formatted(
                                    ring,
                                    depth,
                                    bytes,
                                    Limits.MAX_ADMIN_DEPTH,
                                    Limits.ADMIN_BYTES));
            return;
        }
        slot.caps(ring, value);
    }

    private void control(int value) {
        boolean reset = (value & Register.CONTROL_RESET) != 0;
        if (reset && slot.deviceState() != DeviceState.RESETTING) {
            control.beginReset(value >>> 28 | (value >>> 24 & 0xf) << 4);
        } else if (!reset && slot.deviceState() == DeviceState.RESETTING) {
            control.endReset();
        }
    }

    /** A readless read: the guest spins on the id, which is in the same store as the value. */
    private void answer(int requestId, int offset) {
        long where = slot.readAnswer();
        long address =
                where == 0 || (where & 7) != 0 || !function.busMaster()
                        ? 0
                        : function.dma().address(where, ANSWER_BYTES, true);
        if (address != 0) {
            long value = value(offset) & 0xffff_ffffL;
            GuestOrder.setLongRelease(address, requestId | (long) offset << 16 | value << 32);
        }
    }
}
