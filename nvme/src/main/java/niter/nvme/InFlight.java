package niter.nvme;

/** Which tags are in use; derived from the in-flight table. */
final class InFlight {
    private final LiveState live;
    private final int[] free = new int[Limits.TAGS];
    private int count;
    private int limit;

    InFlight(LiveState live) {
        this.live = live;
    }

    /**
     * Starts over. What is left of a queue's earlier life is cleared: its state would otherwise
     * become the next command's, if the process ended while that one is entered.
     *
     * @param limit tags are 0 to this - 1
     * @param queues what exists: an entry of a queue's earlier life is free
     */
    void rebuild(int limit, Queues queues) {
        this.limit = limit;
        count = 0;
        for (int tag = limit - 1; tag >= 0; tag--) {
            if (!occupied(tag, queues)) {
                if (live.entryState(tag) != LiveState.FREE) {
                    live.leave(tag);
                }
                free[count++] = tag;
            }
        }
    }

    boolean occupied(int tag, Queues queues) {
        if (live.entryState(tag) == LiveState.FREE) {
            return false;
        }
        SubmissionQueue queue = queues.submission(live.entryQueue(tag));
        return queue != null && queue.epoch == live.entryEpoch(tag);
    }

    int limit() {
        return limit;
    }

    /** A free tag, or -1. */
    int take() {
        return count == 0 ? -1 : free[--count];
    }

    void giveBack(int tag) {
        free[count++] = tag;
    }

    /** Tags in use. */
    int used() {
        return limit - count;
    }
}
