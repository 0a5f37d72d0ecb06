package niter.keeper;

import java.util.ArrayDeque;

/**
 * When a process that ended is started again: at once, or once a second after five ends within ten
 * seconds.
 */
final class RestartPace {
    static final long SLOW_NANOS = 1_000_000_000L;
    private static final long WINDOW_NANOS = 10_000_000_000L;
    private static final int QUICK_ENDS = 5;

    private final ArrayDeque<Long> ends = new ArrayDeque<>(QUICK_ENDS);

    /**
     * The process ended.
     *
     * @return nanoseconds to wait before the next start
     */
    long ended(long nowNanos) {
        ends.addLast(nowNanos);
        if (ends.size() > QUICK_ENDS) {
            ends.removeFirst();
        }
        boolean often = ends.size() == QUICK_ENDS && nowNanos - ends.getFirst() <= WINDOW_NANOS;
        return often ? SLOW_NANOS : 0;
    }
}
