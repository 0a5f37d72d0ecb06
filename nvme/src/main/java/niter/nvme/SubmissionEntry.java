package niter.nvme;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A submission queue entry, 64 bytes, little-endian: readers for a private copy at an offset of a
 * segment. NVMe Base 2.2, section 4.1.1.
 *
 * <pre>
 *   0 opcode u8, fuse and PSDT u8, command id u16     24 PRP1 u64, 32 PRP2 u64
 *   4 NSID u32                                        40 CDW10 … 60 CDW15
 * </pre>
 */
final class SubmissionEntry {
    static final ValueLayout.OfInt LE32 = JAVA_INT.withOrder(LITTLE_ENDIAN);
    static final ValueLayout.OfLong LE64 = JAVA_LONG.withOrder(LITTLE_ENDIAN);

    private SubmissionEntry() {}

    static int opcode(MemorySegment entry, long at) {
        return entry.get(LE32, at) & 0xff;
    }

    /** Fused operation [1:0] and PRP or SGL [7:6]: 0 is all that is offered. */
    static int flags(MemorySegment entry, long at) {
        return entry.get(LE32, at) >>> 8 & 0xff;
    }

    /** All 16 bits: Linux keeps a generation in the upper four. */
    static int commandId(MemorySegment entry, long at) {
        return entry.get(LE32, at) >>> 16;
    }

    static int namespaceId(MemorySegment entry, long at) {
        return entry.get(LE32, at + 4);
    }

    static long prp1(MemorySegment entry, long at) {
        return entry.get(LE64, at + 24);
    }

    static long prp2(MemorySegment entry, long at) {
        return entry.get(LE64, at + 32);
    }

    /** Command dword n, 10 to 15. */
    static int dword(MemorySegment entry, long at, int n) {
        return entry.get(LE32, at + 4L * n);
    }

    /** Command dwords 10 and 11. */
    static long startingBlock(MemorySegment entry, long at) {
        return entry.get(LE64, at + 40);
    }
}
