package niter.card.vpc;

/**
 * An interface's share of the flow table: nobody fills it for others. Flows end without a word, so
 * the count is one of those that began; at the limit those that are alive are counted, at most
 * every ten seconds. On the core's thread.
 */
final class FlowQuota {
    private static final long AGAIN_NANOS = 10_000_000_000L;

    private final int limit;
    private int count;
    private long counted; // when, in nanoseconds
    private boolean known; // false until the first count: a process before may have allowed flows

    /**
     * A share.
     *
     * @param limit how many flows
     */
    FlowQuota(int limit) {
        this.limit = limit;
    }

    /** Whether the flows that are alive are to be counted before one more may begin. */
    boolean isStale(long nowNanos) {
        return !known || count >= limit && nowNanos - counted >= AGAIN_NANOS;
    }

    /** So many are alive. */
    void counted(int flows, long nowNanos) {
        count = flows;
        counted = nowNanos;
        known = true;
    }

    /** Whether one more may begin. */
    boolean hasRoom() {
        return count < limit;
    }

    void began() {
        count++;
    }

    /** How many more may begin, as far as is known. */
    int available() {
        return known ? Math.max(0, limit - count) : limit;
    }
}
