package niter.nvme;

import org.jspecify.annotations.Nullable;

/** Controller registers in BAR0, little-endian. NVMe Base 2.2, section 3.1.4. */
enum Register {
    /** Controller Capabilities. */
    CAP(0x00, 8, 0),
    /** Version. */
    VS(0x08, 4, 0),
    /** Interrupt Mask Set; used with pin interrupts only. */
    INTMS(0x0c, 4, 0xffff_ffffL),
    /** Interrupt Mask Clear. */
    INTMC(0x10, 4, 0xffff_ffffL),
    /** Controller Configuration. */
    CC(0x14, 4, 0x00ff_fff1L),
    /** Controller Status. */
    CSTS(0x1c, 4, 0),
    /** Admin Queue Attributes: entries less 1 of submission [11:0] and completion queue [27:16]. */
    AQA(0x24, 4, 0x0fff_0fffL),
    /** Admin Submission Queue Base Address. */
    ASQ(0x28, 8, ~0xfffL),
    /** Admin Completion Queue Base Address. */
    ACQ(0x30, 8, ~0xfffL);

    static final long DOORBELLS = 0x1000;
    static final long MSIX_TABLE = 0x2000;
    static final long MSIX_PENDING = 0x3000;
    static final long BAR_BYTES = 0x4000;

    /** MQES 1023, CQR, TO 10 s, NVM command set, pages of 4 KiB, doorbells side by side. */
    static final long CAP_VALUE = 0x00000020_14010000L | Limits.QUEUE_ENTRIES - 1;

    /** NVMe 1.4. */
    static final int VS_VALUE = 0x0001_0400;

    private static final Register[] BY_DWORD = new Register[16];

    static {
        for (Register register : values()) {
            for (int at = register.offset; at < register.offset + register.bytes; at += 4) {
                if (BY_DWORD[at >> 2] != null) {
                    throw new IllegalStateException(register + " overlaps " + BY_DWORD[at >> 2]);
                }
                BY_DWORD[at >> 2] = register;
            }
        }
    }

    final int offset;
    final int bytes;
    private final long writable;

    Register(int offset, int bytes, long writable) {
        this.offset = offset;
        this.bytes = bytes;
        this.writable = writable;
    }

    /** The register that the aligned dword at this offset belongs to, or null. */
    static @Nullable Register at(long offset) {
        return offset >= 0 && offset < 4L * BY_DWORD.length ? BY_DWORD[(int) offset >> 2] : null;
    }

    /** The value after a guest write: no other bit can change. */
    long afterWrite(long current, long written) {
        return current & ~writable | written & writable;
    }
}
