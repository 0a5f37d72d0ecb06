package niter.card.vpc.services;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A UDP datagram, RFC 768, that outlives the frame it came in.
 *
 * @param path to its sender
 * @param sourcePort the sender's
 */
record Datagram(Packet.Path path, int sourcePort, int destinationPort, byte[] payload) {
    private static final int HEADER = 8;

    /** Reads one; null where it is none, and then the reason is counted. */
    static @Nullable Datagram read(Packet packet, Drops drops) {
        if (packet.length() < HEADER) {
            drops.count(DropReason.MALFORMED);
            return null;
        }
        byte[] frame = packet.frame();
        int at = packet.at();
        int length = Packet.u16(frame, at + 4);
        if (length < HEADER || length > packet.length()) {
            drops.count(DropReason.MALFORMED);
            return null;
        }
        long pseudo = Checksum.pseudo(packet.source(), packet.destination(), Packet.UDP, length);
        if (Packet.u16(frame, at + 6) != 0 && Checksum.of(frame, at, length, pseudo) != 0) {
            drops.count(DropReason.CHECKSUM);
            return null;
        }
        return new Datagram(
                packet.answer(),
                Packet.u16(frame, at),
                Packet.u16(frame, at + 2),
                Arrays.copyOfRange(frame, at + HEADER, at + length));
    }

    /** Sends an answer to where this came from. */
    void answer(byte[] payload, FrameSink sink) {
        byte[] frame = new byte[Packet.HEADERS + HEADER + payload.length];
        int at = Packet.HEADERS;
        int length = HEADER + payload.length;
        Packet.u16(frame, at, destinationPort);
        Packet.u16(frame, at + 2, sourcePort);
        Packet.u16(frame, at + 4, length);
        System.arraycopy(payload, 0, frame, at + HEADER, payload.length);
        long pseudo = Checksum.pseudo(path.source(), path.destination(), Packet.UDP, length);
        int sum = Checksum.of(frame, at, length, pseudo);
        Packet.u16(frame, at + 6, sum == 0 ? 0xffff : sum);
        sink.send(frame, path.write(frame, Packet.UDP, Segment.TTL, length));
    }
}
