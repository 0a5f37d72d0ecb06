package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * The 256 bytes of configuration space (PCI Local Bus 3.0, section 6.1; PCIe Base, section 7.5):
 * what they are at power-on, and per bit who may change it. Capabilities: power management, MSI-X,
 * PCI Express (endpoint, with function level reset).
 */
final class ConfigSpace {
    static final int BYTES = 256;
    static final int COMMAND = 0x04;
    static final int COMMAND_MEMORY = 0x2;
    static final int COMMAND_BUS_MASTER = 0x4;

    private static final int STATUS = 0x06;
    private static final int STATUS_CAPABILITIES = 0x10;
    private static final int BAR = 0x10;
    private static final int CAPABILITIES = 0x34; // where their list begins

    private static final int POWER = 0x40;
    static final int POWER_STATE = POWER + 4;
    private static final int POWER_NO_SOFT_RESET = 0x8;

    private static final int MSIX = 0x50;
    private static final int MSIX_CONTROL = MSIX + 2;
    private static final int MSIX_ENABLE = 0x8000;
    private static final int MSIX_FUNCTION_MASK = 0x4000;
    private static final int EXPRESS = 0x60;
    private static final int EXPRESS_CONTROL = EXPRESS + 8;
    private static final int EXPRESS_CONTROL_HIGH = EXPRESS_CONTROL + 1;
    private static final int EXPRESS_RESET = 0x80; // bit 15 of device control

    private final byte[] powerOn = new byte[BYTES];
    private final byte[] writable = new byte[BYTES];
    private final byte[] clearedByOne = new byte[BYTES];

    ConfigSpace(FunctionShape shape) {
        identity(shape);
        for (FunctionShape.Bar bar : shape.bars()) {
            // A 32-bit memory BAR: the address bits below its size read as zero, also when sized.
            set32(writable, BAR + 4 * bar.index(), (int) -bar.bytes());
        }
        set16(writable, COMMAND, 0x0546); // memory, bus master, parity, SERR, INTx disable
        set16(clearedByOne, STATUS, 0xf900);
        writable[0x0c] = (byte) 0xff; // cache line size
        writable[0x3c] = (byte) 0xff; // interrupt line: the firmware's note
        power();
        msix(shape);
        express();
    }

    private void identity(FunctionShape shape) {
        set16(powerOn, 0x00, shape.vendorId());
        set16(powerOn, 0x02, shape.deviceId());
        set16(powerOn, STATUS, STATUS_CAPABILITIES);
        set32(powerOn, 0x08, shape.classCode() << 8 | shape.revision() & 0xff);
        set16(powerOn, 0x2c, shape.subsystemVendorId());
        set16(powerOn, 0x2e, shape.subsystemId());
        powerOn[CAPABILITIES] = POWER;
    }

    private void power() {
        powerOn[POWER] = 0x01;
        powerOn[POWER + 1] = MSIX;
        set16(powerOn, POWER + 2, 0x0003); // version 3: PCI Power Management 1.2
        set16(powerOn, POWER_STATE, POWER_NO_SOFT_RESET);
        writable[POWER_STATE] = 0x3;
    }

    private void msix(FunctionShape shape) {
        powerOn[MSIX] = 0x11;
        powerOn[MSIX + 1] = EXPRESS;
        set16(powerOn, MSIX_CONTROL, shape.msixVectors() - 1);
        set32(powerOn, MSIX + 4, (int) shape.msixTableOffset() | shape.msixBar());
        set32(powerOn, MSIX + 8, (int) shape.msixPbaOffset() | shape.msixBar());
        set16(writable, MSIX_CONTROL, MSIX_ENABLE | MSIX_FUNCTION_MASK);
    }

    private void express() {
        powerOn[EXPRESS] = 0x10;
        set16(powerOn, EXPRESS + 2, 0x0002); // version 2, endpoint
        set32(powerOn, EXPRESS + 4, 0x1000_8000); // function level reset, role-based errors
        set16(writable, EXPRESS_CONTROL, 0x7fff);
        set16(clearedByOne, EXPRESS + 0x0a, 0x000f);
        set32(powerOn, EXPRESS + 0x0c, 0x0000_0011); // 2.5 GT/s, one lane
        set16(powerOn, EXPRESS + 0x12, 0x0011);
    }

    /** Writes the power-on state. */
    void reset(MemorySegment config) {
        MemorySegment.copy(powerOn, 0, config, JAVA_BYTE, 0, BYTES);
    }

    /** Writes bytes of a guest; only what is writable changes. */
    void write(MemorySegment config, int offset, MemorySegment data, int count) {
        for (int i = 0; i < count; i++) {
            int at = offset + i;
            int old = config.get(JAVA_BYTE, at);
            int value = data.get(JAVA_BYTE, i);
            int now = old & ~writable[at] & ~(value & clearedByOne[at]) | value & writable[at];
            config.set(JAVA_BYTE, at, (byte) now);
        }
    }

    /** Whether a write asks for a function level reset. */
    static boolean isReset(int offset, MemorySegment data, int count) {
        int at = EXPRESS_CONTROL_HIGH - offset;
        return at >= 0 && at < count && (data.get(JAVA_BYTE, at) & EXPRESS_RESET) != 0;
    }

    /**
     * The command register; bus mastering is off while the function sleeps (D1 to D3). Asked for at
     * each packet: without a slice, which would be an object.
     *
     * @param at where the configuration space begins in the memory
     */
    static int command(MemorySegment memory, long at) {
        int command = memory.get(JAVA_SHORT_UNALIGNED, at + COMMAND) & 0xffff;
        boolean asleep = (memory.get(JAVA_BYTE, at + POWER_STATE) & 0x3) != 0;
        return asleep ? command & ~COMMAND_BUS_MASTER : command;
    }

    /**
     * Whether MSI-X is enabled and the function not masked.
     *
     * @param at where the configuration space begins in the memory
     */
    static boolean isMsixOpen(MemorySegment memory, long at) {
        int control = memory.get(JAVA_SHORT_UNALIGNED, at + MSIX_CONTROL);
        return (control & (MSIX_ENABLE | MSIX_FUNCTION_MASK)) == MSIX_ENABLE;
    }

    /**
     * Hides the capabilities in a copy of the whole space.
     *
     * @param at where it begins in the memory
     */
    static void hideCapabilities(MemorySegment memory, long at) {
        byte status = memory.get(JAVA_BYTE, at + STATUS);
        memory.set(JAVA_BYTE, at + STATUS, (byte) (status & ~STATUS_CAPABILITIES));
        memory.set(JAVA_BYTE, at + CAPABILITIES, (byte) 0);
    }

    private static void set16(byte[] bytes, int offset, int value) {
        MemorySegment.ofArray(bytes).set(JAVA_SHORT_UNALIGNED, offset, (short) value);
    }

    private static void set32(byte[] bytes, int offset, int value) {
        MemorySegment.ofArray(bytes).set(JAVA_INT_UNALIGNED, offset, value);
    }
}
