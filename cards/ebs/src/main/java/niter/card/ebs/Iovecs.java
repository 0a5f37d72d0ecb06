package niter.card.ebs;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Arrays of {@code struct iovec}: pairs of u64 (address, length in bytes). */
final class Iovecs {
    static final long BYTES = 16;

    private Iovecs() {}

    /**
     * What is left of an array.
     *
     * @param moved bytes from its start that are done, fewer than it has
     * @return a new array; the old one stays as it is
     */
    static MemorySegment after(MemorySegment iovecs, int count, long moved) {
        int first = 0;
        long skip = moved;
        while (skip >= length(iovecs, first)) {
            skip -= length(iovecs, first);
            first++;
        }
        long rest = BYTES * (count - first);
        MemorySegment left = Arena.ofAuto().allocate(rest, Long.BYTES);
        MemorySegment.copy(iovecs, BYTES * first, left, 0, rest);
        set(left, 0, iovecs.getAtIndex(JAVA_LONG, 2L * first) + skip, length(iovecs, first) - skip);
        return left;
    }

    static long length(MemorySegment iovecs, int index) {
        return iovecs.getAtIndex(JAVA_LONG, 2L * index + 1);
    }

    static void set(MemorySegment iovecs, int index, long address, long bytes) {
        iovecs.setAtIndex(JAVA_LONG, 2L * index, address);
        iovecs.setAtIndex(JAVA_LONG, 2L * index + 1, bytes);
    }
}
