package niter.ena;

import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;
import static niter.ena.Limits.LE64;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The Internet checksum, RFC 1071: sums of big-endian 16-bit words that are folded at the end. */
public final class Checksum {
    private Checksum() {}

    /**
     * The sum of bytes; a last odd one counts as the high half of a word.
     *
     * @return to be added to others and given to {@link #fold}
     */
    public static long sum(MemorySegment memory, long offset, int bytes) {
        // Of little-endian words, which this machine loads as they are, many at once: the same sum
        // but for the order of its two bytes (RFC 1071, section 2).
        long low = 0;
        long high = 0;
        int at = 0;
        for (; at + 16 <= bytes; at += 16) {
            long first = memory.get(LE64, offset + at);
            long second = memory.get(LE64, offset + at + 8);
            low += (first & 0xffff_ffffL) + (second & 0xffff_ffffL);
            high += (first >>> 32) + (second >>> 32);
        }
        long sum = low + high;
        for (; at + 4 <= bytes; at += 4) {
            sum += memory.get(LE32, offset + at) & 0xffff_ffffL;
        }
        if (at + 2 <= bytes) {
            sum += memory.get(LE16, offset + at) & 0xffffL;
            at += 2;
        }
        if (at < bytes) {
            sum += memory.get(ValueLayout.JAVA_BYTE, offset + at) & 0xffL;
        }
        return odd(sum);
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
