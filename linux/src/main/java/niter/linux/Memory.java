package niter.linux;

import java.lang.foreign.MemorySegment;

/** Access to memory by raw address, for addresses that were checked against what is mapped. */
public final class Memory {
    @SuppressWarnings("restricted") // the whole address space is the point
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private Memory() {}

    /**
     * A segment over the whole address space: {@code Memory.all().get(JAVA_INT_UNALIGNED,
     * address)}. A wrong address ends this process.
     */
    public static MemorySegment all() {
        return ALL;
    }
}
