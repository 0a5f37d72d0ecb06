package niter.card.vpc.services;

import java.util.concurrent.atomic.AtomicLongArray;

/** Frames that were dropped. Counted by the loop, read by whoever answers the controller. */
final class Drops {
    private final AtomicLongArray counts = new AtomicLongArray(DropReason.values().length);

    void count(DropReason reason) {
        counts.incrementAndGet(reason.ordinal());
    }

    long of(DropReason reason) {
        return counts.get(reason.ordinal());
    }
}
