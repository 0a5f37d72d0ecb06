package niter.card.vpc;

/** Packets that were dropped, by reason. On the core's thread. */
final class DropCounts {
    private final long[] packets = new long[DropReason.values().length];

    void add(DropReason reason) {
        packets[reason.ordinal()]++;
    }

    long of(DropReason reason) {
        return packets[reason.ordinal()];
    }
}
