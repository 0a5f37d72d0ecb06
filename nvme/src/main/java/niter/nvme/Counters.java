package niter.nvme;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * What an operator may know of a controller since this process serves it. The function's thread
 * counts, any thread may read; both opaque, so that reading costs the data path nothing.
 */
public final class Counters {
    /** What is counted. */
    public enum Counter {
        READS,
        READ_BYTES,
        WRITES,
        WRITTEN_BYTES,
        FLUSHES,
        /** I/O commands that ended with an error. */
        ERRORS,
        /** Not a count: I/O commands at the namespace now. */
        IN_FLIGHT
    }

    private static final VarHandle VALUE = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] values = new long[Counter.values().length];

    Counters() {}

    /** Its value. */
    public long of(Counter counter) {
        return (long) VALUE.getOpaque(values, counter.ordinal());
    }

    void add(Counter counter, long more) {
        set(counter, of(counter) + more);
    }

    void set(Counter counter, long value) {
        VALUE.setOpaque(values, counter.ordinal(), value);
    }
}
