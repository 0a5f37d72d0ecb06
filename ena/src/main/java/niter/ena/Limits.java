package niter.ena;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Sizes that the adapter offers, and layouts of what lies in guest memory. */
final class Limits {
    static final ValueLayout.OfInt LE32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfShort LE16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong LE64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Queue pairs: a transmit and a receive queue, each with a completion queue. */
    static final int PAIRS = 8;

    static final int COMPLETION_QUEUES = 2 * PAIRS;

    /** Management, and one per pair. */
    static final int VECTORS = 1 + PAIRS;

    /** In the create commands: a queue that never interrupts. */
    static final int NO_VECTOR = -1;

    static final int MAX_DEPTH = 1024;

    /** Linux takes a maximum below 256 for a broken device; DPDK's smallest ring is 128. */
    static final int MIN_DEPTH = 16;

    /** Admin and event rings: what fits into 16 bits and makes sense. */
    static final int MAX_ADMIN_DEPTH = 1024;

    static final int DESCRIPTOR_BYTES = 16;
    static final int ADMIN_BYTES = 64;
    static final int RX_COMPLETION_BYTES = 16;

    /**
     * Buffers of a packet as reported. Linux counts 19 without the descriptor of its linear part
     * and without the meta descriptor, so two more are taken.
     */
    static final int REPORTED_DESCRIPTORS = 19;

    static final int MAX_TX_DESCRIPTORS = REPORTED_DESCRIPTORS + 2;

    /** Entries of the indirection table: drivers up to 2.13 insist on 2^7. */
    static final int TABLE_LOG = 7;

    static final int TABLE = 1 << TABLE_LOG;

    static final int KEY_BYTES = 40;

    /** Rows of the hash input table that the feature's buffer holds. */
    static final int HASH_PROTOCOLS = 16;

    static final int ETHERNET = 14;
    static final int VLAN_TAG = 4;

    private Limits() {}
}
