package niter.ena;

import static niter.ena.Layers.BE16;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Makes the sums that a driver left to the device: RFC 791 (IPv4 header), RFC 9293 and RFC 768 (TCP
 * and UDP, with pseudo header), RFC 8200 (over IPv6). Geometry is the driver's where it gave one.
 */
final class Offloads {
    private static final int TCP_SUM = 16;
    private static final int UDP_SUM = 6;
    private static final int IPV4_SUM = 10;

    private int network;
    private int transport;
    private boolean four;

    /**
     * Finds the headers.
     *
     * @return false where they do not lie in the head
     */
    boolean locate(TransmitPacket packet, Frame frame) {
        if (packet.networkBytes() != 0) {
            network = packet.networkOffset();
            transport = network + packet.networkBytes();
        } else {
            Layers layers = frame.layers();
            network = layers.network();
            transport = layers.transport();
        }
        int room = frame.headLength();
        if (network >= room || transport <= network || transport > room) {
            return false;
        }
        int version = frame.head().get(ValueLayout.JAVA_BYTE, network) >>> 4 & 0xf;
        four = version == 4;
        int least = four ? 20 : 40;
        return (four || version == 6) && transport - network >= least;
    }

    int network() {
        return network;
    }

    int transport() {
        return transport;
    }

    boolean four() {
        return four;
    }

    /** The IPv4 header's sum. */
    void networkSum(Frame frame) {
        MemorySegment head = frame.head();
        head.set(BE16, network + IPV4_SUM, (short) 0);
        int sum = Checksum.fold(Checksum.sum(head, network, transport - network));
        head.set(BE16, network + IPV4_SUM, (short) ~sum);
    }

    /**
     * The layer-4 sum, to the end of the frame.
     *
     * @param partial the field holds the pseudo header's sum
     * @return false where the field does not lie in the head
     */
    boolean transportSum(Frame frame, boolean tcp, boolean partial) {
        MemorySegment head = frame.head();
        int field = transport + (tcp ? TCP_SUM : UDP_SUM);
        if (field + 2 > frame.headLength()) {
            return false;
        }
        int bytes = partial ? frame.length() - transport : payload(frame);
        long sum = 0;
        if (!partial) {
            head.set(BE16, field, (short) 0);
            sum = pseudo(head, tcp ? Layers.TCP : Layers.UDP, bytes);
        }
        int value = ~Checksum.fold(sum + frame.sum(transport, bytes)) & 0xffff;
        head.set(BE16, field, (short) (value == 0 && !tcp ? 0xffff : value));
        return true;
    }

    /**
     * Bytes from the layer-4 header to the packet's end; what pads a short frame is not counted.
     */
    private int payload(Frame frame) {
        int there = frame.length() - transport;
        int said =
                four
                        ? (frame.head().get(BE16, network + 2) & 0xffff) - (transport - network)
                        : (frame.head().get(BE16, network + 4) & 0xffff)
                                - (transport - network - 40);
        return said < 0 || said > there ? there : said;
    }

    private long pseudo(MemorySegment head, int protocol, int bytes) {
        return pseudo(head, network, four, protocol, bytes);
    }

    /** The pseudo header's sum. */
    static long pseudo(MemorySegment head, int network, boolean four, int protocol, int bytes) {
        long addresses =
                four ? Checksum.sum(head, network + 12, 8) : Checksum.sum(head, network + 8, 32);
        return addresses + protocol + bytes;
    }
}
