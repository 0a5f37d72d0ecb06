package niter.nvme;

/**
 * Decides when a completion queue interrupts. A guest that waits for each command must not wait
 * longer; one that has many in flight loses more to interrupts than to waiting.
 *
 * <p>Depth cannot be seen when commands finish as fast as they are fetched. So now and then an
 * interrupt is held back for a moment: if new commands arrive meanwhile, the guest is busy and the
 * following ones are gathered; as soon as none arrive, nothing is held back any more.
 */
final class Moderation {
    /** Completions that are gathered at most. */
    static final int GATHER = 8;

    /** How long a guest may be silent before it is taken to be waiting. */
    static final long SILENCE_NANOS = 30_000;

    /** The longest that a completion is held back. */
    static final long HOLD_NANOS = 150_000;

    /** Every so many interrupts one is held back to find out. */
    static final int PROBE_EVERY = 64;

    private boolean gathering;
    private int sinceProbe;
    private boolean holding;
    private boolean arrived;
    private long firstNanos;
    private long deadlineNanos;

    /** The guest submitted commands. */
    void submitted(long nowNanos) {
        if (holding) {
            arrived = true;
            deadlineNanos = Math.min(nowNanos + SILENCE_NANOS, firstNanos + HOLD_NANOS);
        }
    }

    /**
     * Whether to interrupt now.
     *
     * @param unsignalled completions posted since the last interrupt, 1 or more
     * @param outstanding commands still in flight on this queue
     */
    boolean due(int unsignalled, int outstanding, long nowNanos) {
        if (!holding) {
            if (!gathering && ++sinceProbe < PROBE_EVERY) {
                return true;
            }
            sinceProbe = 0;
            holding = true;
            arrived = false;
            firstNanos = nowNanos;
            deadlineNanos = nowNanos + SILENCE_NANOS;
        }
        if (unsignalled >= GATHER) {
            end(arrived || outstanding > 0);
            return true;
        }
        if (nowNanos - deadlineNanos >= 0) {
            end(arrived);
            return true;
        }
        return false;
    }

    private void end(boolean busy) {
        gathering = busy;
        holding = false;
    }

    boolean holding() {
        return holding;
    }

    /** When {@link #due} says yes without any event; only while {@link #holding}. */
    long deadlineNanos() {
        return deadlineNanos;
    }
}
