package niter.ena;

/** Registers in BAR0 and what lies beyond them: offsets in bytes; all are 32 bits wide. */
final class Register {
    static final int VERSION = 0x00;
    static final int CONTROLLER_VERSION = 0x04;
    static final int CAPS = 0x08;
    static final int AQ_BASE_LOW = 0x10;
    static final int AQ_BASE_HIGH = 0x14;
    static final int AQ_CAPS = 0x18;
    static final int ACQ_BASE_LOW = 0x20;
    static final int ACQ_BASE_HIGH = 0x24;
    static final int ACQ_CAPS = 0x28;
    static final int AQ_DOORBELL = 0x2c;
    static final int AENQ_CAPS = 0x34;
    static final int AENQ_BASE_LOW = 0x38;
    static final int AENQ_BASE_HIGH = 0x3c;
    static final int AENQ_HEAD_DOORBELL = 0x40;
    static final int INTERRUPT_MASK = 0x4c;
    static final int DEVICE_CONTROL = 0x54;
    static final int DEVICE_STATUS = 0x58;
    static final int READ_REQUEST = 0x5c;
    static final int READ_ANSWER_LOW = 0x60;
    static final int READ_ANSWER_HIGH = 0x64;

    /** A doorbell per transmit queue, then one per receive queue. */
    static final int TX_DOORBELLS = 0x1000;

    static final int RX_DOORBELLS = TX_DOORBELLS + 4 * Limits.PAIRS;

    /** A register per completion queue: delays [14:0] and [29:15], unmask 30, no update 31. */
    static final int UNMASK = 0x2000;

    static final long BAR_BYTES = 0x4000;

    /** MSI-X table and pending bits have BAR1. */
    static final int MSIX_BAR = 1;

    static final long MSIX_BAR_BYTES = 0x2000;
    static final long MSIX_TABLE = 0;
    static final long MSIX_PENDING = 0x1000;

    static final int VERSION_VALUE = 0x000a; // 0.10, as hardware has shown
    static final int CONTROLLER_VERSION_VALUE = 0x0100_0001; // implementation 1, version 0.0.1

    /** Reset time-out 3 s [5:1] in 100 ms, 48 address bits [15:8], admin time-out 3 s [19:16]. */
    static final int CAPS_VALUE = 30 << 1 & 0x3e | 48 << 8;

    static final int CONTROL_RESET = 1;

    static final int STATUS_READY = 1;
    static final int STATUS_RESETTING = 1 << 3;
    static final int STATUS_RESET_DONE = 1 << 4;
    static final int STATUS_FATAL = 1 << 5;

    private Register() {}
}
