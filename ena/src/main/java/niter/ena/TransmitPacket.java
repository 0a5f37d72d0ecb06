package niter.ena;

import static niter.ena.Limits.LE32;

import java.lang.foreign.MemorySegment;
import niter.linux.Memory;

/** A packet as its descriptors say it; each is copied once. One object for many packets. */
final class TransmitPacket {
    /** Its last descriptor is not there yet. */
    static final int INCOMPLETE = 0;

    /** The guest broke the ring's rules: {@link #problem}. */
    static final int BROKEN = -1;

    private static final MemorySegment ALL = Memory.all();
    private static final int META = 1 << 23;
    private static final int META_STORE = 1 << 21;
    private static final int FIRST = 1 << 26;
    private static final int LAST = 1 << 27;

    private final long[] addresses = new long[Limits.MAX_TX_DESCRIPTORS];
    private final int[] lengths = new int[Limits.MAX_TX_DESCRIPTORS];
    private int descriptors;
    private int buffers;
    private int requestId;
    private int offloads;
    private int metaWord1;
    private int metaWord2;
    private boolean metaStored;
    private String problem = "";

    /**
     * Reads the packet that begins at a position.
     *
     * @param available descriptors that the guest handed over
     * @return how many descriptors it has, or {@link #INCOMPLETE}, or {@link #BROKEN}
     */
    int read(Submission queue, int position, int available, LiveState live) {
        buffers = 0;
        metaStored = false;
        metaWord1 = live.metaWord(queue.index, 0);
        metaWord2 = live.metaWord(queue.index, 1);
        boolean meta = false;
        for (int i = 0; i < available; i++) {
            if (i == Limits.MAX_TX_DESCRIPTORS) {
                return broken("a packet of more than 21 descriptors");
            }
            long at = queue.descriptor(position + i);
            int word0 = ALL.get(LE32, at);
            int word1 = ALL.get(LE32, at + 4);
            int word2 = ALL.get(LE32, at + 8);
            int word3 = ALL.get(LE32, at + 12);
            if (i == 0 != ((word0 & FIRST) != 0)) {
                return broken(i == 0 ? "a packet without first" : "first inside a packet");
            }
            if ((word0 & META) != 0) {
                if (i != 0) {
                    return broken("a meta descriptor inside a packet");
                }
                meta = true;
                metaStored = (word0 & META_STORE) != 0;
                metaWord1 = word0; // MSS bits 13:10 lie in its word 0
                metaWord2 = word2;
                continue;
            }
            if (i == (meta ? 1 : 0)) {
                requestId = (word0 >>> 16 & 0x3f) << 10 | word1 >>> 22;
                offloads = word1;
            }
            addresses[buffers] = word2 & 0xffff_ffffL | (long) (word3 & 0xffff) << 32;
            lengths[buffers] = word0 & 0xffff;
            buffers++;
            if ((word0 & LAST) != 0) {
                descriptors = i + 1;
                return descriptors;
            }
        }
        return available > Limits.MAX_TX_DESCRIPTORS
                ? broken("a packet of more than 21 descriptors")
                : INCOMPLETE;
    }

    private int broken(String what) {
        problem = what;
        return BROKEN;
    }

    String problem() {
        return problem;
    }

    /** Keeps its geometry for packets that come without one. */
    void keepMeta(Submission queue, LiveState live) {
        if (metaStored) {
            live.meta(queue.index, metaWord1, metaWord2);
        }
    }

    /** How many it has. */
    int descriptors() {
        return descriptors;
    }

    /** Whether packets behind it that come without a geometry have its. */
    boolean storesMeta() {
        return metaStored;
    }

    int requestId() {
        return requestId;
    }

    int buffers() {
        return buffers;
    }

    long address(int buffer) {
        return addresses[buffer];
    }

    int length(int buffer) {
        return lengths[buffer];
    }

    boolean segmented() {
        return (offloads & 1 << 7) != 0;
    }

    boolean tcp() {
        return segmented() || (offloads >>> 8 & 0x1f) == 12;
    }

    boolean udp() {
        return !tcp() && (offloads >>> 8 & 0x1f) == 13;
    }

    /** The device makes the IPv4 header's sum. */
    boolean networkSum() {
        return (offloads & 1 << 13) != 0;
    }

    boolean transportSum() {
        return (offloads & 1 << 14) != 0;
    }

    /** The field holds the pseudo header's sum already. */
    boolean partialSum() {
        return (offloads & 1 << 17) != 0;
    }

    /** Bytes of a layer-3 header; 0 where the driver did not say. */
    int networkBytes() {
        return metaWord2 & 0xff;
    }

    int networkOffset() {
        return metaWord2 >>> 8 & 0xff;
    }

    int transportBytes() {
        return (metaWord2 >>> 16 & 0x3f) * 4;
    }

    /** The largest payload of a segment. */
    int segmentBytes() {
        return metaWord2 >>> 22 | (metaWord1 >>> 16 & 0xf) << 10;
    }
}
