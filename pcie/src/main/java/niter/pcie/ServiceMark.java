package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import niter.linux.Signals;
import org.jspecify.annotations.Nullable;

/**
 * Poison: the function that a process serves is marked in its segment, and where two processes end
 * within ten seconds under the same mark, other than by SIGKILL, the function is taken out of
 * service. A third end then ends its client's connection, too.
 *
 * <p>An {@link Error} that comes out of a function names it. Of an end by a signal (the JVM's own,
 * SIGSEGV) only the mark tells, which lies on the function whose code ran, if it was another's turn
 * (see {@link Turns}); and functions of other threads may have been marked at both ends as well:
 * they go with it.
 */
final class ServiceMark {
    private static final VarHandle INT = JAVA_INT.varHandle();
    private static final int PROCESS = (int) ProcessHandle.current().pid();
    private static final long WINDOW_MILLIS = 10_000;

    private static final int OUT_OF_SERVICE = 1;
    private static final int ABANDONED = 2;

    private final MemorySegment live;

    /** The mark of a function, in its own live state. */
    ServiceMark(MemorySegment live) {
        this.live = live;
    }

    /** The function's code runs from now on. */
    void set() {
        INT.setOpaque(live, SegmentLayout.SERVED_BY, PROCESS);
    }

    /** It does not any more. */
    void clear() {
        INT.setOpaque(live, SegmentLayout.SERVED_BY, 0);
    }

    /** An {@link Error} came out of it, which ends the process. */
    void blame() {
        INT.setOpaque(live, SegmentLayout.ENDED_BY, PROCESS);
    }

    /** Before the function is served again: what the end of the process before means for it. */
    void judge(Escrow escrow) {
        int marked = live.get(JAVA_INT, SegmentLayout.SERVED_BY);
        int blamed = live.get(JAVA_INT, SegmentLayout.ENDED_BY);
        live.set(JAVA_INT, SegmentLayout.SERVED_BY, 0);
        live.set(JAVA_INT, SegmentLayout.ENDED_BY, 0);
        int process = blamed == 0 ? marked : blamed;
        Escrow.@Nullable End end = process == 0 ? null : escrow.endOf(process);
        // A process that ends by itself does so for an Error: who is not blamed did not bring it.
        if (end == null || end.signal() == Signals.SIGKILL || end.signal() == 0 && blamed == 0) {
            return;
        }
        long before = live.get(JAVA_LONG, SegmentLayout.LAST_END);
        live.set(JAVA_LONG, SegmentLayout.LAST_END, end.unixMs());
        if (before != 0 && end.unixMs() - before <= WINDOW_MILLIS) {
            int verdict = live.get(JAVA_INT, SegmentLayout.VERDICT);
            live.set(JAVA_INT, SegmentLayout.VERDICT, Math.min(verdict + 1, ABANDONED));
        }
    }

    /** May be called by any thread. */
    boolean isOutOfService() {
        return (int) INT.getOpaque(live, SegmentLayout.VERDICT) >= OUT_OF_SERVICE;
    }

    /** Not even out of service it can be served. */
    boolean isAbandoned() {
        return live.get(JAVA_INT, SegmentLayout.VERDICT) >= ABANDONED;
    }

    /** Its client is gone: the next one finds a function like any other. */
    void forgive() {
        live.set(JAVA_LONG, SegmentLayout.LAST_END, 0);
        INT.setOpaque(live, SegmentLayout.VERDICT, 0);
    }
}
