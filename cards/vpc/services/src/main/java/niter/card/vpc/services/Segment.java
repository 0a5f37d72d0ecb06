package niter.card.vpc.services;

import org.jspecify.annotations.Nullable;

/**
 * A TCP segment as it came, RFC 9293, section 3.1. Of the options only the maximum segment size is
 * read: windows are small, and nothing here needs time stamps.
 *
 * @param mss the peer's, or {@link #DEFAULT_MSS}
 * @param at where the payload begins in the packet's frame
 */
record Segment(
        Packet packet,
        int sourcePort,
        int destinationPort,
        int sequence,
        int acknowledged,
        int flags,
        int window,
        int mss,
        int at,
        int length) {
    static final int FIN = 1;
    static final int SYN = 2;
    static final int RST = 4;
    static final int PSH = 8;
    static final int ACK = 16;

    static final int HEADER = 20;
    static final int TTL = 64;

    /** Where the peer says nothing: RFC 9293, section 3.7.1. */
    static final int DEFAULT_MSS = 536;

    private static final int MSS_OPTION = 2;
    private static final int SMALLEST_MSS = 88; // less is an attack on our frame rate

    /** What fits a frame of ours. */
    static final int MAX_MSS = Packet.MAX_FRAME - Packet.HEADERS - HEADER;

    /** Reads one; null where it is none, and then the reason is counted. */
    static @Nullable Segment read(Packet packet, Drops drops) {
        byte[] frame = packet.frame();
        int at = packet.at();
        if (packet.length() < HEADER) {
            drops.count(DropReason.MALFORMED);
            return null;
        }
        int header = (frame[at + 12] >> 4 & 0xf) * 4;
        if (header < HEADER || header > packet.length()) {
            drops.count(DropReason.MALFORMED);
            return null;
        }
        if (!packet.sound()) {
            drops.count(DropReason.CHECKSUM);
            return null;
        }
        return new Segment(
                packet,
                Packet.u16(frame, at),
                Packet.u16(frame, at + 2),
                Packet.u32(frame, at + 4),
                Packet.u32(frame, at + 8),
                frame[at + 13] & 0x3f,
                Packet.u16(frame, at + 14),
                mss(frame, at + HEADER, at + header),
                at + header,
                packet.length() - header);
    }

    private static int mss(byte[] frame, int from, int end) {
        int at = from;
        while (at < end && frame[at] != 0) {
            int kind = frame[at];
            if (kind == 1) { // padding
                at++;
                continue;
            }
            if (at + 1 >= end) {
                break;
            }
            int length = frame[at + 1] & 0xff;
            if (length < 2 || at + length > end) {
                break;
            }
            if (kind == MSS_OPTION && length == 4) {
                return Math.clamp(Packet.u16(frame, at + 2), SMALLEST_MSS, MAX_MSS);
            }
            at += length;
        }
        return DEFAULT_MSS;
    }

    boolean has(int flag) {
        return (flags & flag) != 0;
    }

    /** Room that it takes in the sequence: SYN and FIN count. */
    int span() {
        return length + (has(SYN) ? 1 : 0) + (has(FIN) ? 1 : 0);
    }

    /** Answers that there is no such connection. RFC 9293, section 3.10.7.1. */
    void reset(FrameSink sink) {
        if (has(RST)) {
            return;
        }
        boolean acknowledges = has(ACK);
        byte[] frame = new byte[Packet.HEADERS + HEADER];
        int bytes =
                write(
                        frame,
                        packet.answer(),
                        destinationPort,
                        sourcePort,
                        acknowledges ? acknowledged : 0,
                        acknowledges ? 0 : sequence + span(),
                        acknowledges ? RST : RST | ACK,
                        0,
                        TTL,
                        HEADER,
                        0);
        sink.send(frame, bytes);
    }

    /**
     * Writes the headers of a segment whose options and payload lie in the frame already.
     *
     * @param header bytes of it, options included
     * @param payload bytes after it
     * @return bytes of the frame
     */
    static int write(
            byte[] frame,
            Packet.Path path,
            int sourcePort,
            int destinationPort,
            int sequence,
            int acknowledged,
            int flags,
            int window,
            int ttl,
            int header,
            int payload) {
        int at = Packet.HEADERS;
        Packet.u16(frame, at, sourcePort);
        Packet.u16(frame, at + 2, destinationPort);
        Packet.u32(frame, at + 4, sequence);
        Packet.u32(frame, at + 8, acknowledged);
        Packet.u16(frame, at + 12, header / 4 << 12 | flags);
        Packet.u16(frame, at + 14, window);
        Packet.u32(frame, at + 16, 0); // sum, urgent pointer
        int length = header + payload;
        long pseudo = Checksum.pseudo(path.source(), path.destination(), Packet.TCP, length);
        Packet.u16(frame, at + 16, Checksum.of(frame, at, length, pseudo));
        return path.write(frame, Packet.TCP, ttl, length);
    }

    /** Writes the MSS option after the fixed header. */
    static void writeMss(byte[] frame) {
        Packet.u32(frame, Packet.HEADERS + HEADER, MSS_OPTION << 24 | 4 << 16 | MAX_MSS);
    }
}
