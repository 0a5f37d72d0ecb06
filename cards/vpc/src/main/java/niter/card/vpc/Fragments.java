package niter.card.vpc;

/**
 * Which packets' first parts were allowed, so that their other parts are too. A few hundred, the
 * latest ones; what was known is lost with the process, as packets may be.
 */
final class Fragments {
    private static final int SLOTS = 512;
    private static final long LIFE_NANOS = 30_000_000_000L; // RFC 791: 15 to 120 s

    private final long[] addresses = new long[SLOTS];
    private final int[] ids = new int[SLOTS]; // id and protocol
    private final long[] seen = new long[SLOTS];
    private final boolean[] used = new boolean[SLOTS];

    void allow(int source, int destination, int id, int protocol, long nowNanos) {
        int slot = slot(source, destination, id, protocol);
        addresses[slot] = pair(source, destination);
        ids[slot] = id << 8 | protocol;
        seen[slot] = nowNanos;
        used[slot] = true;
    }

    boolean isAllowed(int source, int destination, int id, int protocol, long nowNanos) {
        int slot = slot(source, destination, id, protocol);
        return used[slot]
                && addresses[slot] == pair(source, destination)
                && ids[slot] == (id << 8 | protocol)
                && nowNanos - seen[slot] < LIFE_NANOS;
    }

    private static long pair(int source, int destination) {
        return (long) source << 32 | destination & 0xffff_ffffL;
    }

    private static int slot(int source, int destination, int id, int protocol) {
        long hash = pair(source, destination) * 0x9e37_79b9_7f4a_7c15L;
        hash = (hash ^ id << 8 ^ protocol) * 0x9e37_79b9_7f4a_7c15L;
        return (int) (hash >>> 40) & SLOTS - 1;
    }
}
