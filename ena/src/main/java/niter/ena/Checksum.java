package niter.ena;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The Internet checksum, RFC 1071: sums of big-endian 16-bit words that are folded at the end. */
public final class Checksum {
    private static final ValueLayout.OfShort BE16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt BE32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private Checksum() {}

    /**
     * The sum of bytes; a last odd one counts as the high half of a word.
     *
     * @return to be added to others and given to {@link #fold}
     */
    public static long sum(MemorySegment memory, long offset, int bytes) {
        long sum = 0;
        int at = 0;
        for (; at + 4 <= bytes; at += 4) {
            sum += memory.get(BE32, offset + at) & 0xffff_ffffL;
        }
        if (at + 2 <= bytes) {
            sum += memory.get(BE16, offset + at) & 0xffffL;
            at += 2;
        }
        if (at < bytes) {
            sum += (memory.get(ValueLayout.JAVA_BYTE, offset + at) & 0xffL) << 8;
        }
        return sum;
    }

    /** A sum of bytes that begin at an odd place of the whole. */
    public static long odd(long sum) {
        int folded = fold(sum);
        return (folded >>> 8 | folded << 8) & 0xffff;
    }

    /** Folds a sum into 16 bits. */
    public static int fold(long sum) {
        long folded = (sum & 0xffff_ffffL) + (sum >>> 32);
        folded = (folded & 0xffff) + (folded >>> 16);
        folded = (folded & 0xffff) + (folded >>> 16);
        folded = (folded & 0xffff) + (folded >>> 16);
        return (int) folded;
    }
}
