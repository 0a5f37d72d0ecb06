package niter.card.vpc;

import java.security.SecureRandom;

/**
 * Which packets' first parts were allowed, so that their other parts are too. A few hundred of one
 * sender's, the latest ones: nobody evicts another's, and nobody can know which of its packets
 * share a slot. What was known is lost with the process, as packets may be.
 */
final class Fragments {
    private static final int SLOTS = 256;
    private static final int WORDS = 5; // addresses and protocol
    private static final long LIFE_NANOS = 30_000_000_000L; // RFC 791: 15 to 120 s

    private final long seed = new SecureRandom().nextLong();
    private final long[] keys = new long[SLOTS * WORDS];
    private final int[] ids = new int[SLOTS];
    private final int[] headers = new int[SLOTS];
    private final long[] seen = new long[SLOTS];
    private final boolean[] used = new boolean[SLOTS];

    /**
     * Lets the other parts pass.
     *
     * @param key with the packet's addresses
     * @param headerBytes how much of the packet was judged: no other part lies over it (RFC 1858)
     */
    void allow(FlowKey key, int id, int protocol, int headerBytes, long nowNanos) {
        int slot = slot(key, id, protocol);
        int at = slot * WORDS;
        keys[at] = key.sourceHigh;
        keys[at + 1] = key.sourceLow;
        keys[at + 2] = key.destinationHigh;
        keys[at + 3] = key.destinationLow;
        keys[at + 4] = protocol;
        ids[slot] = id;
        headers[slot] = headerBytes;
        seen[slot] = nowNanos;
        used[slot] = true;
    }

    /**
     * Whether a part may pass.
     *
     * @param offset where it lies in the packet, in bytes
     */
    boolean isAllowed(FlowKey key, int id, int protocol, int offset, long nowNanos) {
        int slot = slot(key, id, protocol);
        int at = slot * WORDS;
        return used[slot]
                && keys[at] == key.sourceHigh
                && keys[at + 1] == key.sourceLow
                && keys[at + 2] == key.destinationHigh
                && keys[at + 3] == key.destinationLow
                && keys[at + 4] == protocol
                && ids[slot] == id
                && offset >= headers[slot]
                && nowNanos - seen[slot] < LIFE_NANOS;
    }

    private int slot(FlowKey key, int id, int protocol) {
        long hash = mix(seed ^ key.sourceHigh ^ (long) protocol << 32 ^ id);
        hash = mix(hash ^ key.sourceLow);
        hash = mix(hash ^ key.destinationHigh);
        return (int) (mix(hash ^ key.destinationLow) >>> 40) & SLOTS - 1;
    }

    private static long mix(long value) {
        long hash = value * 0x9e37_79b9_7f4a_7c15L;
        hash ^= hash >>> 32;
        hash *= 0x9e37_79b9_7f4a_7c15L;
        return hash ^ hash >>> 29;
    }
}
