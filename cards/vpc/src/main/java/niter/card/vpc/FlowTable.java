package niter.card.vpc;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.security.SecureRandom;

/**
 * Flows that were allowed, in memory that outlives the process. A flow has one entry for both
 * directions; addresses are 128 bits (IPv4 as ::ffff:a.b.c.d).
 *
 * <pre>
 * 0     header: u64 magic, u32 version, u32 buckets, u64 seed of the hash
 * 64    buckets of 8 entries of 64 bytes
 *         0   u32 state: 0 free; written last
 *         4   u32 ports: the initiator's [31:16], the other's [15:0]
 *         8   u64 time of the last packet, nanoseconds of the clock that goes on over restarts
 *         16  initiator's address, 32 the other's
 *         48  u32 protocol
 * </pre>
 *
 * <p>Each entry is valid by one store; a bucket that is full takes no more flows. So nothing need
 * be mended after a kill. Beside the memory, and derived from it, a byte of each entry's hash says
 * which of a bucket's entries are worth a look: one cache line instead of eight. The places of
 * entries that were found last are looked at first, by a sum that takes no seed: whoever aims at
 * one place only makes that look a miss.
 */
final class FlowTable {
    static final int VERSION = 2;
    static final long ENTRY_BYTES = 64;
    static final int WAYS = 8;

    /** No such flow. */
    static final long NONE = -1;

    private static final long MAGIC = 0x314c_4652_4554_494eL; // "NITERFL1"
    private static final long SEED = 16;
    private static final long HEADER_BYTES = 64;
    private static final VarHandle INT = JAVA_INT.varHandle();
    private static final int RECENT_BITS = 12;
    private static final long ONES = 0x0101_0101_0101_0101L;

    // State: which directions were seen, and how far a TCP connection is.
    private static final int USED = 1;
    private static final int ANSWERED = 2;
    private static final int CLOSING = 4;

    /** A side whose rules are open to all: it does not remember, its rules go on to decide. */
    static final int UNTRACKED_FROM = 8;

    static final int UNTRACKED_TO = 16;
    private static final int UNTRACKED = UNTRACKED_FROM | UNTRACKED_TO;

    private static final int ASKED_AGAIN = 32; // after an answer
    private static final int STREAM = 64; // and answered again

    private static final int TCP = 6;

    private final MemorySegment memory;
    private final int buckets;
    private final long seed;
    private final long[] tags; // a byte of each way's hash, 0 where there never was one
    private final int[] recent = new int[1 << RECENT_BITS]; // places; what lies there decides
    private boolean reversed; // of the last find

    private FlowTable(MemorySegment memory, int buckets) {
        this.memory = memory;
        this.buckets = buckets;
        seed = memory.get(JAVA_LONG, SEED);
        tags = new long[buckets];
    }

    /** Derives the tags from what another process left. */
    private void tag() {
        FlowKey key = new FlowKey();
        for (int bucket = 0; bucket < buckets; bucket++) {
            for (int way = 0; way < WAYS; way++) {
                long entry = entry(bucket, way);
                if (memory.get(JAVA_INT, entry) != 0) {
                    read(entry, key);
                    tag(bucket, way, hash(key));
                }
            }
        }
    }

    private void tag(int bucket, int way, long hash) {
        int shift = way * Byte.SIZE;
        tags[bucket] = tags[bucket] & ~(0xffL << shift) | tag(hash) << shift;
    }

    /** 1 to 255. */
    private static long tag(long hash) {
        return Math.max(1, hash & 0xff);
    }

    /** How much memory so many flows take; buckets are a power of two. */
    static long bytes(int flows) {
        return HEADER_BYTES
                + (long) Integer.highestOneBit(Math.max(1, flows / WAYS)) * WAYS * ENTRY_BYTES;
    }

    /**
     * Takes a table over, or makes one of memory that is all zero.
     *
     * @throws IllegalArgumentException if it is of another version or size
     */
    static FlowTable over(MemorySegment memory) {
        long room = (memory.byteSize() - HEADER_BYTES) / (WAYS * ENTRY_BYTES);
        int buckets = Integer.highestOneBit((int) room);
        boolean fresh = memory.get(JAVA_LONG, 0) == 0;
        if (fresh) {
            memory.set(JAVA_INT, 8, VERSION);
            memory.set(JAVA_INT, 12, buckets);
            memory.set(JAVA_LONG, SEED, new SecureRandom().nextLong());
            memory.set(JAVA_LONG, 0, MAGIC);
        }
        if (memory.get(JAVA_LONG, 0) != MAGIC
                || memory.get(JAVA_INT, 8) != VERSION
                || memory.get(JAVA_INT, 12) != buckets) {
            throw new IllegalArgumentException("flow table: expected version " + VERSION);
        }
        FlowTable table = new FlowTable(memory, buckets);
        if (!fresh) {
            table.tag();
        }
        return table;
    }

    /**
     * Looks a packet's flow up and marks it as alive.
     *
     * @param key of the packet
     * @param tcpFlags of a TCP packet, else 0
     * @return the entry, or {@link #NONE}
     */
    long find(FlowKey key, int tcpFlags, long nowNanos) {
        long entry = look(key, nowNanos);
        if (entry != NONE) {
            int state = memory.get(JAVA_INT, entry);
            int next = state | progress(state);
            if (key.protocol == TCP) {
                next = (tcpFlags & 0x05) != 0 ? next | CLOSING : next; // FIN or RST
            }
            memory.set(JAVA_LONG, entry + 8, nowNanos);
            if (next != state) {
                INT.setRelease(memory, entry, next);
            }
        }
        return entry;
    }

    /**
     * What the packet that was found last shows of its flow. EC2's streams of UDP have seen more
     * than one request and answer.
     */
    private int progress(int state) {
        if (!reversed) {
            return (state & ANSWERED) != 0 ? ASKED_AGAIN : 0;
        }
        return ANSWERED | ((state & ASKED_AGAIN) != 0 ? STREAM : 0);
    }

    /** Whether the packet that was found last goes against the flow's first one. */
    boolean wasReversed() {
        return reversed;
    }

    /** As {@link #find}, but changes nothing. */
    long look(FlowKey key, long nowNanos) {
        int slot = slot(key);
        long entry = entry(recent[slot] / WAYS, recent[slot] % WAYS);
        if (memory.get(JAVA_INT, entry) == 0 || !matches(entry, key)) {
            entry = look(hash(key), key);
            if (entry == NONE) {
                return NONE;
            }
            recent[slot] = place(entry);
        }
        return alive(entry, nowNanos) ? entry : NONE;
    }

    /** Where a flow's entry is remembered, in both directions the same. */
    private static int slot(FlowKey key) {
        int sum = key.sourcePort + key.destinationPort;
        sum += (int) key.sourceLow + (int) key.destinationLow;
        return sum * 0x9e37_79b9 >>> Integer.SIZE - RECENT_BITS;
    }

    private static int place(long entry) {
        return (int) ((entry - HEADER_BYTES) / ENTRY_BYTES);
    }

    private long look(long hash, FlowKey key) {
        long entry = look(bucket(hash), tag(hash), key);
        return entry == NONE ? look(bucket(second(hash)), tag(hash), key) : entry;
    }

    private long look(int bucket, long tag, FlowKey key) {
        // The highest bit of each byte that is equal; of others too, above one that is, which the
        // key then tells apart.
        long difference = tags[bucket] ^ tag * ONES;
        long equal = difference - ONES & ~difference & ONES << 7;
        for (; equal != 0; equal &= equal - 1) {
            long entry = entry(bucket, Long.numberOfTrailingZeros(equal) / Byte.SIZE);
            if (memory.get(JAVA_INT, entry) != 0 && matches(entry, key)) {
                return entry;
            }
        }
        return NONE;
    }

    /**
     * Remembers a flow that was allowed, in the emptier of its two buckets.
     *
     * @param untracked which sides are, {@link #UNTRACKED_FROM} and {@link #UNTRACKED_TO}
     * @return false where both are full
     */
    boolean add(FlowKey key, int untracked, long nowNanos) {
        long hash = hash(key);
        long old = look(hash, key);
        long entry = old == NONE ? free(hash, nowNanos) : old; // one that was idle for too long
        if (entry == NONE) {
            return false;
        }
        INT.setRelease(memory, entry, 0);
        VarHandle.storeStoreFence(); // no new field under the old state
        memory.set(JAVA_INT, entry + 4, key.ports());
        memory.set(JAVA_LONG, entry + 8, nowNanos);
        memory.set(JAVA_LONG, entry + 16, key.sourceHigh);
        memory.set(JAVA_LONG, entry + 24, key.sourceLow);
        memory.set(JAVA_LONG, entry + 32, key.destinationHigh);
        memory.set(JAVA_LONG, entry + 40, key.destinationLow);
        memory.set(JAVA_INT, entry + 48, key.protocol);
        INT.setRelease(memory, entry, USED | untracked);
        int place = place(entry);
        tag(place / WAYS, place % WAYS, hash);
        return true;
    }

    private long free(long hash, long nowNanos) {
        long best = NONE;
        int most = 0;
        for (int choice = 0; choice < 2; choice++) {
            int bucket = bucket(choice == 0 ? hash : second(hash));
            int count = 0;
            long found = NONE;
            for (int way = 0; way < WAYS; way++) {
                long entry = entry(bucket, way);
                if (memory.get(JAVA_INT, entry) == 0 || !alive(entry, nowNanos)) {
                    count++;
                    found = entry;
                }
            }
            if (count > most) {
                most = count;
                best = found;
            }
        }
        return best;
    }

    /** Decides again about a flow. */
    interface Verdict {
        /**
         * Which of its sides are untracked from now on, {@link #NONE} where it may not go on.
         *
         * @param key as the flow began
         * @param untracked its untracked sides
         */
        long review(FlowKey key, int untracked);
    }

    /** Decides again about the flows with an untracked side. */
    void review(FlowKey key, Verdict verdict) {
        for (long entry = HEADER_BYTES;
                entry < HEADER_BYTES + (long) buckets * WAYS * ENTRY_BYTES;
                entry += ENTRY_BYTES) {
            int state = memory.get(JAVA_INT, entry);
            if ((state & UNTRACKED) != 0) {
                read(entry, key);
                long next = verdict.review(key, state & UNTRACKED);
                INT.setRelease(memory, entry, next == NONE ? 0 : state & ~UNTRACKED | (int) next);
            }
        }
    }

    /** Sees the flows that the table still has. */
    interface Visitor {
        /**
         * A flow.
         *
         * @param key as it began
         * @param alive whether its packets still pass; a place is only taken when it is needed
         * @param answered whether the other end has sent anything
         * @param idleNanos since its last packet
         */
        void visit(FlowKey key, boolean alive, boolean answered, long idleNanos);
    }

    /** Shows all flows. */
    void visit(FlowKey key, Visitor visitor, long nowNanos) {
        for (long entry = HEADER_BYTES;
                entry < HEADER_BYTES + (long) buckets * WAYS * ENTRY_BYTES;
                entry += ENTRY_BYTES) {
            int state = memory.get(JAVA_INT, entry);
            if (state != 0) {
                read(entry, key);
                visitor.visit(
                        key,
                        alive(entry, nowNanos),
                        (state & ANSWERED) != 0,
                        nowNanos - memory.get(JAVA_LONG, entry + 8));
            }
        }
    }

    private void read(long entry, FlowKey key) {
        int ports = memory.get(JAVA_INT, entry + 4);
        key.sourceHigh = memory.get(JAVA_LONG, entry + 16);
        key.sourceLow = memory.get(JAVA_LONG, entry + 24);
        key.destinationHigh = memory.get(JAVA_LONG, entry + 32);
        key.destinationLow = memory.get(JAVA_LONG, entry + 40);
        key.ports(memory.get(JAVA_INT, entry + 48), ports >>> 16, ports & 0xffff);
    }

    /** Forgets all flows of an address: whoever gets it next is somebody else. */
    void forget(long high, long low) {
        for (long entry = HEADER_BYTES;
                entry < HEADER_BYTES + (long) buckets * WAYS * ENTRY_BYTES;
                entry += ENTRY_BYTES) {
            boolean source =
                    memory.get(JAVA_LONG, entry + 16) == high
                            && memory.get(JAVA_LONG, entry + 24) == low;
            boolean destination =
                    memory.get(JAVA_LONG, entry + 32) == high
                            && memory.get(JAVA_LONG, entry + 40) == low;
            if (source || destination) {
                INT.setRelease(memory, entry, 0);
            }
        }
    }

    private boolean matches(long entry, FlowKey key) {
        if (memory.get(JAVA_INT, entry + 48) != key.protocol) {
            return false;
        }
        long firstHigh = memory.get(JAVA_LONG, entry + 16);
        long firstLow = memory.get(JAVA_LONG, entry + 24);
        long secondHigh = memory.get(JAVA_LONG, entry + 32);
        long secondLow = memory.get(JAVA_LONG, entry + 40);
        int ports = memory.get(JAVA_INT, entry + 4);
        if (ports == key.ports()
                && firstHigh == key.sourceHigh
                && firstLow == key.sourceLow
                && secondHigh == key.destinationHigh
                && secondLow == key.destinationLow) {
            reversed = false;
            return true;
        }
        reversed = true;
        return (ports >>> 16 | ports << 16) == key.ports()
                && secondHigh == key.sourceHigh
                && secondLow == key.sourceLow
                && firstHigh == key.destinationHigh
                && firstLow == key.destinationLow;
    }

    private boolean alive(long entry, long nowNanos) {
        int state = memory.get(JAVA_INT, entry);
        boolean established = (state & (ANSWERED | CLOSING)) == ANSWERED;
        int protocol = memory.get(JAVA_INT, entry + 48);
        return nowNanos - memory.get(JAVA_LONG, entry + 8)
                < IdleTimeouts.nanos(protocol, established, (state & STREAM) != 0);
    }

    /**
     * The same for both directions. Who does not know the seed cannot choose flows of one bucket.
     */
    private long hash(FlowKey key) {
        long one = end(key.sourceHigh, key.sourceLow, key.sourcePort);
        long other = end(key.destinationHigh, key.destinationLow, key.destinationPort);
        return mix(one + other + key.protocol);
    }

    private long end(long high, long low, int port) {
        return mix(mix(mix(high ^ seed) ^ low) + port);
    }

    private static long second(long hash) {
        return mix(hash + 1);
    }

    private static long mix(long value) {
        long hash = value * 0x9e37_79b9_7f4a_7c15L;
        hash ^= hash >>> 32;
        hash *= 0x9e37_79b9_7f4a_7c15L;
        return hash ^ hash >>> 29;
    }

    private int bucket(long hash) {
        return (int) (hash >>> 33) & buckets - 1;
    }

    private static long entry(int bucket, int way) {
        return HEADER_BYTES + ((long) bucket * WAYS + way) * ENTRY_BYTES;
    }
}
