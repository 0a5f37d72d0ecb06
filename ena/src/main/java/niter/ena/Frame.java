package niter.ena;

import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;
import static niter.ena.Limits.LE64;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import niter.linux.Memory;

/**
 * An Ethernet frame on its way: its head in private memory, the rest wherever it lies.
 *
 * <p>The head holds all headers (as many bytes as there are, at most {@value #HEAD_BYTES}), copied
 * once; it may be rewritten in place. What follows are pieces of memory that are read when the
 * frame is delivered, and nothing is decided by them. A sum over them is a reading of its own: a
 * sender that writes meanwhile may have a sum called right that is not, as it may make any sum
 * itself. One object is used again for each frame; nothing in it outlives the call that it is
 * passed to. Not thread-safe.
 */
public final class Frame {
    /** Headers of any packet that is understood: Ethernet, VLAN, IPv6 with extensions, TCP. */
    public static final int HEAD_BYTES = 256;

    /** Ethernet header and the largest IP packet. */
    public static final int MAX_BYTES = 14 + 65_535;

    private static final int FEW = 128;

    /** Pieces beside the head. */
    static final int MAX_PIECES = 64;

    private static final MemorySegment ALL = Memory.all();

    private final MemorySegment head = Arena.ofAuto().allocate(HEAD_BYTES, 64);
    private final Layers layers = new Layers();
    private final long[] addresses = new long[MAX_PIECES];
    private final int[] lengths = new int[MAX_PIECES];
    private int headLength;
    private int pieces;
    private int length;
    private boolean checksumVerified;
    private boolean parsed; // layers are the head's

    /** An empty frame. */
    public Frame() {}

    /** Empty: no head, no pieces, nothing verified. */
    public Frame clear() {
        headLength = 0;
        pieces = 0;
        length = 0;
        checksumVerified = false;
        parsed = false;
        return this;
    }

    /** The headers; bytes from {@link #headLength} on mean nothing. */
    public MemorySegment head() {
        return head;
    }

    /** Bytes of the frame that lie in {@link #head}, from its first byte on. */
    public int headLength() {
        return headLength;
    }

    /** Says how much of {@link #head} was filled; before any piece is added. */
    public Frame headLength(int bytes) {
        if (bytes < 0 || bytes > HEAD_BYTES || pieces > 0) {
            throw new IllegalArgumentException("head of " + bytes + " bytes");
        }
        headLength = bytes;
        length = bytes;
        parsed = false;
        return this;
    }

    /** Its layers, looked for once: who rewrites the head later leaves them where they are. */
    public Layers layers() {
        if (!parsed) {
            layers.parse(this);
            parsed = true;
        }
        return layers;
    }

    /** All of it, in bytes, Ethernet header included, without FCS. */
    public int length() {
        return length;
    }

    /**
     * Adds what follows.
     *
     * @return false where there is no room for another piece or the frame would be too long
     */
    public boolean add(long address, int bytes) {
        if (bytes == 0) {
            return true;
        }
        if (pieces == MAX_PIECES || bytes < 0 || bytes > MAX_BYTES - length) {
            return false;
        }
        addresses[pieces] = address;
        lengths[pieces] = bytes;
        pieces++;
        length += bytes;
        return true;
    }

    /**
     * Whether the sums of the layer-4 header are known to be right (the sender's device made them).
     */
    public boolean checksumVerified() {
        return checksumVerified;
    }

    /** Whether {@link #add} fails whatever comes. */
    boolean isFull() {
        return pieces == MAX_PIECES || length == MAX_BYTES;
    }

    /** Sets {@link #checksumVerified()}. */
    public Frame checksumVerified(boolean verified) {
        checksumVerified = verified;
        return this;
    }

    /**
     * Copies a part.
     *
     * @param from offset in the frame
     * @param address where to
     * @param bytes no more than {@link #length} minus {@code from}
     */
    public void copy(int from, long address, int bytes) {
        int skip = from;
        long to = address;
        int left = bytes;
        if (skip < headLength) {
            int part = Math.min(left, headLength - skip);
            move(head.address() + skip, to, part);
            to += part;
            left -= part;
            skip = 0;
        } else {
            skip -= headLength;
        }
        for (int i = 0; i < pieces && left > 0; i++) {
            if (skip >= lengths[i]) {
                skip -= lengths[i];
                continue;
            }
            int part = Math.min(left, lengths[i] - skip);
            move(addresses[i] + skip, to, part);
            to += part;
            left -= part;
            skip = 0;
        }
    }

    /** Copies, each byte once; of a small packet it is over before a call of the JVM's copy is. */
    private static void move(long from, long to, int bytes) {
        if (bytes > FEW) {
            MemorySegment.copy(ALL, from, ALL, to, bytes);
            return;
        }
        int at = 0;
        for (; at + Long.BYTES <= bytes; at += Long.BYTES) {
            ALL.set(LE64, to + at, ALL.get(LE64, from + at));
        }
        if ((bytes & Integer.BYTES) != 0) {
            ALL.set(LE32, to + at, ALL.get(LE32, from + at));
            at += Integer.BYTES;
        }
        if ((bytes & Short.BYTES) != 0) {
            ALL.set(LE16, to + at, ALL.get(LE16, from + at));
            at += Short.BYTES;
        }
        if ((bytes & 1) != 0) {
            ALL.set(ValueLayout.JAVA_BYTE, to + at, ALL.get(ValueLayout.JAVA_BYTE, from + at));
        }
    }

    /**
     * The Internet checksum's sum of a part (see {@link Checksum}); reads what lies in guest
     * memory.
     *
     * @param from offset in the frame
     */
    public long sum(int from, int bytes) {
        long sum = 0;
        int skip = from;
        int left = bytes;
        boolean odd = false;
        if (skip < headLength) {
            int part = Math.min(left, headLength - skip);
            sum = Checksum.sum(head, skip, part);
            odd = (part & 1) != 0;
            left -= part;
            skip = 0;
        } else {
            skip -= headLength;
        }
        for (int i = 0; i < pieces && left > 0; i++) {
            if (skip >= lengths[i]) {
                skip -= lengths[i];
                continue;
            }
            int part = Math.min(left, lengths[i] - skip);
            long more = Checksum.sum(ALL, addresses[i] + skip, part);
            sum += odd ? Checksum.odd(more) : more;
            odd ^= (part & 1) != 0;
            left -= part;
            skip = 0;
        }
        return sum;
    }

    /**
     * Adds a part of another frame, which must live as long as this one is used.
     *
     * @return false where there is no room for another piece
     */
    boolean addPart(Frame other, int from, int bytes) {
        int skip = from;
        int left = bytes;
        if (skip < other.headLength) {
            int part = Math.min(left, other.headLength - skip);
            if (!add(other.head.address() + skip, part)) {
                return false;
            }
            left -= part;
            skip = 0;
        } else {
            skip -= other.headLength;
        }
        for (int i = 0; i < other.pieces && left > 0; i++) {
            if (skip >= other.lengths[i]) {
                skip -= other.lengths[i];
                continue;
            }
            int part = Math.min(left, other.lengths[i] - skip);
            if (!add(other.addresses[i] + skip, part)) {
                return false;
            }
            left -= part;
            skip = 0;
        }
        return left == 0;
    }

    /**
     * Reads a byte where it begins, by which nothing is decided: another CPU wrote it last, and so
     * several frames are waited for together, not one by one.
     */
    long touch() {
        return pieces == 0 ? 0 : ALL.get(ValueLayout.JAVA_BYTE, addresses[0]);
    }

    /** Moves the head's share to as many of the first bytes as fit, out of the pieces. */
    void fillHead() {
        int whole = Math.min(length, HEAD_BYTES);
        int missing = whole - headLength;
        if (missing <= 0) {
            return;
        }
        copy(headLength, head.address() + headLength, missing);
        int first = 0;
        int left = missing;
        while (left > 0 && left >= lengths[first]) {
            left -= lengths[first];
            first++;
        }
        for (int i = first; i < pieces; i++) {
            addresses[i - first] = addresses[i];
            lengths[i - first] = lengths[i];
        }
        pieces -= first;
        if (left > 0) {
            addresses[0] += left;
            lengths[0] -= left;
        }
        headLength = whole;
        parsed = false;
    }

    /** Fills this one with bytes that lie in one place: a frame of the card's own making. */
    public Frame wrap(MemorySegment memory, int bytes) {
        clear();
        int inHead = Math.min(bytes, HEAD_BYTES);
        MemorySegment.copy(
                memory, ValueLayout.JAVA_BYTE, 0, head, ValueLayout.JAVA_BYTE, 0, inHead);
        headLength(inHead);
        add(memory.address() + inHead, bytes - inHead);
        return this;
    }
}
