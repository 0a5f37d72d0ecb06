package niter.lab;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import niter.linux.Memory;

/**
 * A packet from one end to the other: Ethernet, IPv4 and UDP or TCP, zeroes behind. The field of
 * the layer-4 sum holds what a driver leaves there that has its device make the sum: the pseudo
 * header's.
 */
final class Template {
    static final int TRANSPORT = 34;
    static final int UDP_SUM = 6;
    static final int TCP_SUM = 16;

    private static final int TCP = 6;
    private static final int UDP = 17;

    private final Shape shape;
    private final byte[] head;

    Template(Shape shape, End from, End to) {
        this.shape = shape;
        int ip = shape.frameBytes() - 14;
        int protocol = shape.segmented() ? TCP : UDP;
        ByteBuffer out = ByteBuffer.allocate(TRANSPORT + 20);
        mac(out, to.mac());
        mac(out, from.mac());
        out.putShort((short) 0x0800);
        out.putShort((short) 0x4500).putShort((short) ip).putInt(0x4000); // don't fragment
        out.put((byte) 64).put((byte) protocol).putShort((short) 0);
        out.putInt(from.address()).putInt(to.address());
        out.putShort(24, (short) ~fold(sum(out, 14, 20)));
        int payload = shape.segmented() ? 0 : ip - 20; // a driver leaves the length to TSO
        short pseudo = (short) fold(sum(out, 26, 8) + protocol + payload);
        if (shape.segmented()) {
            out.putInt(0).putInt(1).putInt(1).put((byte) 0x50).put((byte) 0x10); // ACK
            out.putShort((short) 0xffff).putShort(pseudo).putShort((short) 0);
        } else {
            out.putInt(0).putShort((short) payload).putShort(pseudo);
        }
        head = out.array();
    }

    /** An interface's addresses. */
    record End(long mac, int address) {}

    Shape shape() {
        return shape;
    }

    int transportBytes() {
        return shape.segmented() ? 20 : 8;
    }

    int headerBytes() {
        return TRANSPORT + transportBytes();
    }

    /** Writes the headers; the rest stays zero. */
    void write(long address) {
        MemorySegment.copy(head, 0, Memory.all(), JAVA_BYTE, address, headerBytes());
    }

    private static void mac(ByteBuffer out, long mac) {
        out.putShort((short) (mac >>> 32)).putInt((int) mac);
    }

    private static long sum(ByteBuffer from, int offset, int bytes) {
        long sum = 0;
        MemorySegment segment = MemorySegment.ofArray(from.array());
        for (int i = 0; i < bytes; i += 2) {
            sum +=
                    segment.get(
                                    JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN),
                                    (long) offset + i)
                            & 0xffff;
        }
        return sum;
    }

    private static int fold(long sum) {
        long folded = (sum & 0xffff) + (sum >>> 16);
        return (int) ((folded & 0xffff) + (folded >>> 16));
    }
}
