package niter.ena;

import static niter.ena.Layers.BE16;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Cuts a TCP packet into segments (TSO): headers are copied, lengths, identification, sequence
 * number, flags and sums set for each. CWR goes with the first only, FIN and PSH with the last.
 */
final class Segmenter {
    private static final ValueLayout.OfInt BE32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    /** More than any driver asks for: 64 KiB in segments of 64 bytes. */
    private static final int MAX_SEGMENTS = 1024;

    private static final int TCP_HEADER = 20;
    private static final int FLAGS = 13;
    private static final int FIN_PSH = 0x09;
    private static final int CWR = 0x80;

    private final Offloads offloads;
    private final Frame segment = new Frame();

    Segmenter(Offloads offloads) {
        this.offloads = offloads;
    }

    /**
     * Sends the segments of a packet whose headers were located.
     *
     * @param maxBytes of a segment as a frame
     * @return how many, or 0 where the geometry makes no sense
     */
    int send(TransmitPacket packet, Frame whole, int maxBytes, Network network) {
        int transport = offloads.transport();
        int headers = transport + packet.transportBytes();
        int size = packet.segmentBytes();
        int payload = whole.length() - headers;
        if (packet.transportBytes() < TCP_HEADER
                || headers > whole.headLength()
                || size == 0
                || payload <= 0
                || headers + size > maxBytes
                || (payload + size - 1) / size > MAX_SEGMENTS) {
            return 0;
        }
        int count = 0;
        for (int from = 0; from < payload; from += size) {
            int bytes = Math.min(size, payload - from);
            segment.clear();
            MemorySegment.copy(whole.head(), 0, segment.head(), 0, headers);
            segment.headLength(headers);
            if (!segment.addPart(whole, headers + from, bytes)) {
                return count;
            }
            adapt(count, from, from == 0, from + bytes == payload, bytes + headers);
            network.sent(segment);
            count++;
        }
        return count;
    }

    private void adapt(int number, int from, boolean first, boolean last, int frameBytes) {
        MemorySegment head = segment.head();
        int network = offloads.network();
        int transport = offloads.transport();
        if (offloads.four()) {
            head.set(BE16, network + 2, (short) (frameBytes - network));
            int id = head.get(BE16, network + 4);
            head.set(BE16, network + 4, (short) (id + number));
            offloads.networkSum(segment);
        } else {
            head.set(BE16, network + 4, (short) (frameBytes - network - 40));
        }
        head.set(BE32, transport + 4, head.get(BE32, transport + 4) + from);
        int flags = head.get(ValueLayout.JAVA_BYTE, transport + FLAGS);
        flags &= first ? ~0 : ~CWR;
        flags &= last ? ~0 : ~FIN_PSH;
        head.set(ValueLayout.JAVA_BYTE, transport + FLAGS, (byte) flags);
        offloads.transportSum(segment, true, false);
        segment.checksumVerified(true);
    }
}
