package niter.card.vpc.services;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Objects;
import niter.controller.control.Ipv4;
import org.jspecify.annotations.Nullable;

/**
 * A guest's end of one connection, as simple as it can be: sends again all that is not there yet.
 */
final class GuestTcp {
    static final long MAC = 0x0e0102030405L;
    static final long ROUTER = 0x0e0000000001L;
    static final int ADDRESS = Ipv4.address("172.31.0.4");
    private static final long TIMEOUT = 100_000_000L;
    private static final int MSS = 1400;
    private static final int WINDOW = 20_000;

    private final FrameSink sink;
    private final Packet.Path path;
    private final int sourcePort;
    private final int port;
    private final byte[] output;
    private final boolean finishes;
    private final ByteArrayOutputStream input = new ByteArrayOutputStream();
    private final int first;
    private int acknowledged; // of SYN, output, FIN, counted from the first
    private int expected;
    private boolean connected;
    private boolean ended;
    private boolean reset;
    private int lastTtl;
    private long sentAt = Long.MIN_VALUE / 2;

    GuestTcp(
            FrameSink sink,
            long mac,
            int address,
            int sourcePort,
            int destination,
            int port,
            int first,
            byte[] output,
            boolean finishes) {
        this.sink = sink;
        this.sourcePort = sourcePort;
        this.port = port;
        this.first = first;
        this.output = output;
        this.finishes = finishes;
        path = new Packet.Path(ROUTER, mac, address, destination);
    }

    /** A frame for anybody; whatever is for this end is taken. */
    void receive(byte[] frame, int bytes, long now) {
        Drops drops = new Drops();
        @Nullable Packet packet = Packet.read(frame, bytes, drops);
        @Nullable Segment segment =
                packet == null || packet.protocol() != Packet.TCP
                        ? null
                        : Segment.read(packet, drops);
        if (packet == null
                || segment == null
                || segment.destinationPort() != sourcePort
                || packet.to() != path.from()
                || packet.source() != path.destination()
                || packet.from() != path.to()) {
            return;
        }
        lastTtl = frame[22] & 0xff;
        if (segment.has(Segment.RST)) {
            reset = true;
            return;
        }
        if (segment.has(Segment.SYN) && connected) { // late, or a copy
            send(first + Math.max(1, acknowledged), Segment.ACK, 0, 0);
            return;
        }
        if (segment.has(Segment.SYN)) {
            connected = true;
            acknowledged = Math.max(acknowledged, 1);
            expected = segment.sequence() + 1;
            sentAt = now - TIMEOUT;
            poll(now);
            return;
        }
        if (!connected) {
            return;
        }
        int upTo = segment.acknowledged() - first;
        if (upTo > acknowledged && upTo <= output.length + 2) {
            acknowledged = upTo;
            sentAt = now - TIMEOUT; // the next piece
        }
        boolean inOrder = segment.sequence() == expected && !ended;
        if (inOrder) {
            input.write(frame, segment.at(), segment.length());
            expected += segment.span();
            ended = segment.has(Segment.FIN);
        }
        if (segment.span() > 0) {
            send(first + Math.max(1, acknowledged), Segment.ACK, 0, 0);
        }
        poll(now);
    }

    /** A packet that must be whole. */
    static Packet packet(byte[] frame, int bytes) {
        return Objects.requireNonNull(Packet.read(frame, bytes, new Drops()));
    }

    /** A segment that must be whole. */
    static Segment segment(byte[] frame, int bytes) {
        return Objects.requireNonNull(Segment.read(packet(frame, bytes), new Drops()));
    }

    /** Sends what is due. */
    void poll(long now) {
        if (now - sentAt < TIMEOUT || reset) {
            return;
        }
        sentAt = now;
        if (!connected) {
            send(first, Segment.SYN, 0, 0);
            return;
        }
        int from = acknowledged - 1;
        int sent = 0;
        if (from == 0 && output.length == 0 && !finishes) {
            send(first + 1, Segment.ACK, 0, 0);
        }
        for (int at = from; at < output.length && sent < 4; at += MSS, sent++) {
            send(first + 1 + at, Segment.ACK | Segment.PSH, at, Math.min(MSS, output.length - at));
        }
        if (finishes && from <= output.length && output.length - from <= 4 * MSS) {
            send(first + 1 + output.length, Segment.ACK | Segment.FIN, 0, 0);
        }
    }

    private void send(int sequence, int flags, int at, int length) {
        byte[] frame = new byte[Packet.HEADERS + Segment.HEADER + 4 + length];
        boolean syn = (flags & Segment.SYN) != 0;
        int header = Segment.HEADER + (syn ? 4 : 0);
        if (syn) {
            Segment.writeMss(frame);
        } else {
            System.arraycopy(output, at, frame, Packet.HEADERS + header, length);
        }
        int bytes =
                Segment.write(
                        frame,
                        path,
                        sourcePort,
                        port,
                        sequence,
                        expected,
                        flags,
                        WINDOW,
                        64,
                        header,
                        length);
        sink.send(Arrays.copyOf(frame, bytes), bytes);
    }

    byte[] input() {
        return input.toByteArray();
    }

    boolean isConnected() {
        return connected;
    }

    /** The other side has nothing more to say. */
    boolean isEnded() {
        return ended;
    }

    boolean isReset() {
        return reset;
    }

    int lastTtl() {
        return lastTtl;
    }
}
