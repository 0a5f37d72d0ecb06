package niter.card.vpc.services;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One connection, the side that listens, RFC 9293. Deliberately less than a kernel's: a guest is
 * one hop away on a wire that seldom loses anything, so there is no congestion control, no scaling,
 * and what arrives out of order is asked for again. Only the loop's thread is in here.
 */
final class TcpConnection {
    private enum State {
        SYN_RECEIVED,
        OPEN, // with its ends: finSent, finAcknowledged, peerFinished
        TIME_WAIT,
        CLOSED
    }

    private static final long FIRST_TIMEOUT = TimeUnit.MILLISECONDS.toNanos(250);
    private static final long LONGEST_TIMEOUT = TimeUnit.SECONDS.toNanos(2);
    private static final long IDLE = TimeUnit.SECONDS.toNanos(10);
    private static final long LONGEST_LIFE = TimeUnit.SECONDS.toNanos(60);
    private static final long TIME_WAIT = TimeUnit.SECONDS.toNanos(1);
    private static final int MOST_RETRIES = 8;
    private static final int HANDSHAKE_RETRIES = 3;
    private static final int DUPLICATES = 3; // RFC 5681, section 3.2
    private static final long NEVER = Long.MAX_VALUE;

    private final TcpKey key;
    private final Packet.Path path;
    private final TcpService service;
    private final FrameSink sink;
    private final ByteStream stream;
    private final AtomicBoolean queued = new AtomicBoolean();
    private final byte[] frame;
    private final int mss;
    private final long born;

    private ByteStream.@Nullable Application application; // once the handshake is complete
    private State state = State.SYN_RECEIVED;
    private int unacknowledged; // SND.UNA
    private int next; // SND.NXT
    private int recover; // what was sent before a loss was noticed ends here
    private int expected; // RCV.NXT
    private int advertised; // where the window that the peer knows ends
    private int peerWindow;
    private boolean finSent;
    private boolean finAcknowledged;
    private boolean peerFinished;
    private int duplicates;
    private int retries;
    private long active;
    private long retransmitAt = NEVER;

    /**
     * Answers a SYN.
     *
     * @param initial sequence number
     * @param woken has the loop call {@link #work}; called from any thread
     */
    TcpConnection(
            Segment syn,
            TcpService service,
            int initial,
            FrameSink sink,
            Consumer<TcpConnection> woken,
            long now) {
        key = TcpKey.of(syn);
        path = syn.packet().answer();
        this.service = service;
        this.sink = sink;
        mss = syn.mss();
        frame = new byte[Packet.HEADERS + Segment.HEADER + mss + 4];
        stream =
                new ByteStream(
                        () -> {
                            if (queued.compareAndSet(false, true)) {
                                woken.accept(this);
                            }
                        });
        born = now;
        active = now;
        unacknowledged = initial;
        next = initial;
        recover = initial;
        expected = syn.sequence() + 1;
        peerWindow = syn.window();
        sendHandshake(now);
    }

    TcpKey key() {
        return key;
    }

    boolean isClosed() {
        return state == State.CLOSED;
    }

    /**
     * Whether nobody would miss it much: it has not begun, it is over, or its answers do not
     * arrive, as behind a hop limit.
     */
    boolean isExpendable() {
        return state != State.OPEN || finAcknowledged || retries >= HANDSHAKE_RETRIES;
    }

    /** Whether a SYN begins a new connection in its place. RFC 9293, section 3.6.1. */
    boolean givesWayTo(Segment syn) {
        return state == State.TIME_WAIT && syn.has(Segment.SYN) && syn.sequence() - expected > 0;
    }

    void receive(Segment segment, long now) {
        if (segment.has(Segment.RST)) {
            receiveReset(segment);
        } else if (segment.has(Segment.SYN)) {
            receiveSyn(segment, now);
        } else if (segment.has(Segment.ACK)) {
            receiveAcknowledged(segment, now);
        }
    }

    /** RFC 5961, section 3.2: only the exact number ends a connection. */
    private void receiveReset(Segment segment) {
        int offset = segment.sequence() - expected;
        if (offset == 0) {
            close();
        } else if (offset > 0 && offset < stream.window()) {
            acknowledge();
        }
    }

    /** RFC 5961, section 4.2. */
    private void receiveSyn(Segment segment, long now) {
        if (state == State.SYN_RECEIVED && segment.sequence() + 1 == expected) {
            sendHandshake(now);
        } else {
            acknowledge();
        }
    }

    private void receiveAcknowledged(Segment segment, long now) {
        int acknowledged = segment.acknowledged() - unacknowledged;
        if (state == State.SYN_RECEIVED) {
            if (acknowledged != 1) {
                segment.reset(sink);
                return;
            }
            open(segment, now);
        } else if (acknowledged > next - unacknowledged) {
            acknowledge(); // it cannot know what was not sent
            return;
        } else {
            takeAcknowledgement(segment, acknowledged, now);
        }
        boolean answer = takePayload(segment, now);
        boolean ended = finAcknowledged && peerFinished;
        if (!send(now) && answer) {
            acknowledge();
        }
        if (ended && state == State.OPEN) {
            close();
            if (segment.has(Segment.FIN)) { // ours was first: the answer to its may be lost
                state = State.TIME_WAIT;
                retransmitAt = now + TIME_WAIT;
            }
        } else if (application != null) {
            application.readable();
        }
    }

    private void open(Segment segment, long now) {
        state = State.OPEN;
        unacknowledged++;
        peerWindow = segment.window();
        retries = 0;
        retransmitAt = NEVER;
        active = now;
        application = service.open(key, stream);
    }

    private void takeAcknowledgement(Segment segment, int acknowledged, long now) {
        int flight = next - unacknowledged;
        if (acknowledged > 0) {
            boolean all = finSent && acknowledged == flight;
            finAcknowledged |= all;
            stream.acknowledge(all ? acknowledged - 1 : acknowledged);
            unacknowledged += acknowledged;
            retries = 0;
            duplicates = 0;
            active = now;
            retransmitAt = next == unacknowledged ? NEVER : now + FIRST_TIMEOUT;
            peerWindow = segment.window();
            if (recover - unacknowledged > 0) {
                retransmit(); // the next piece that is missing, RFC 6582
            }
            if (application != null) {
                application.writable();
            }
        } else if (acknowledged == 0) {
            boolean duplicate = flight > 0 && segment.span() == 0 && segment.window() == peerWindow;
            peerWindow = segment.window();
            if (duplicate && ++duplicates == DUPLICATES) {
                recover = next;
                retransmit();
            }
        } // older: it says nothing new
    }

    /** Takes what comes next in order; returns whether the peer is to hear about it. */
    private boolean takePayload(Segment segment, long now) {
        int known = expected - segment.sequence();
        if (segment.span() == 0 && known == 0) {
            return false;
        }
        if (known < 0 || known > segment.span()) {
            return true; // a piece is missing, or it is old
        }
        int skipped = Math.min(known, segment.length());
        int fresh = segment.length() - skipped;
        if (fresh > 0 && !peerFinished) {
            int taken = Math.min(fresh, stream.window());
            stream.deliver(segment.packet().frame(), segment.at() + skipped, taken);
            expected += taken;
            fresh -= taken;
            active = now;
        }
        if (segment.has(Segment.FIN) && fresh == 0 && known <= segment.length() && !peerFinished) {
            peerFinished = true;
            expected++;
            active = now;
            stream.endInput();
        }
        return true;
    }

    /** The application has changed the stream. */
    void work(long now) {
        queued.set(false); // before looking: what changes from here on queues it again
        if (state != State.OPEN) {
            return;
        }
        boolean narrow = advertised - expected < ByteStream.IN_BYTES / 2;
        if (!send(now) && narrow && !peerFinished && stream.window() >= ByteStream.IN_BYTES / 2) {
            acknowledge();
        }
    }

    /** Sends what may be sent; returns whether anything was. */
    private boolean send(long now) {
        boolean sent = false;
        while (state == State.OPEN && !finSent) {
            boolean ended = stream.outputEnded(); // first: nothing is written after that
            int flight = next - unacknowledged;
            int unsent = stream.pending() - flight;
            int length = Math.min(Math.min(unsent, mss), peerWindow - flight);
            if (unsent == 0 && !ended
                    || unsent > 0
                            && (length <= 0 || length < Math.min(unsent, mss) && flight > 0)) {
                if (unsent > 0 && retransmitAt == NEVER) {
                    retransmitAt = now + FIRST_TIMEOUT; // probes the window
                }
                break;
            }
            length = Math.max(length, 0);
            finSent = ended && length == unsent;
            segment(
                    next,
                    length,
                    (finSent ? Segment.FIN : 0) | (length == unsent ? Segment.PSH : 0));
            next += length + (finSent ? 1 : 0);
            if (retransmitAt == NEVER) {
                retransmitAt = now + FIRST_TIMEOUT;
            }
            sent = true;
        }
        return sent;
    }

    /** The first piece that was not acknowledged, again. */
    private void retransmit() {
        int flight = next - unacknowledged - (finSent ? 1 : 0);
        int length = Math.min(flight, mss);
        boolean last = finSent && length == flight;
        segment(unacknowledged, length, last ? Segment.FIN : 0);
    }

    /** When {@link #expire} has something to do. */
    long deadline() {
        return state == State.OPEN || state == State.SYN_RECEIVED
                ? Math.min(retransmitAt, Math.min(active + IDLE, born + LONGEST_LIFE))
                : retransmitAt;
    }

    void expire(long now) {
        if (now < deadline() || state == State.CLOSED) {
            return;
        }
        if (state == State.TIME_WAIT) {
            state = State.CLOSED;
        } else if (now < retransmitAt) {
            abort(); // idle, or for too long
        } else if (retries++ == (state == State.OPEN ? MOST_RETRIES : HANDSHAKE_RETRIES)) {
            abort();
        } else {
            repeat(now);
        }
    }

    private void repeat(long now) {
        retransmitAt = now + Math.min(FIRST_TIMEOUT << retries, LONGEST_TIMEOUT);
        if (state == State.SYN_RECEIVED) {
            sendHandshake(now);
        } else if (next
                == unacknowledged) { // a byte more than the window: its answer says how wide
            segment(next, 1, Segment.PSH);
            next++;
        } else {
            recover = next;
            retransmit();
        }
    }

    /** Ends it and says so. */
    void abort() {
        if (state == State.OPEN) {
            control(next, Segment.RST | Segment.ACK, Segment.HEADER);
        }
        close();
    }

    /** Ends it without a word. */
    private void close() {
        state = State.CLOSED;
        retransmitAt = NEVER;
        stream.breakOff();
        if (application != null) {
            application.readable();
            application.writable();
        }
    }

    private void sendHandshake(long now) {
        next = unacknowledged + 1;
        if (retransmitAt == NEVER) {
            retransmitAt = now + FIRST_TIMEOUT;
        }
        Segment.writeMss(frame);
        control(unacknowledged, Segment.SYN | Segment.ACK, Segment.HEADER + 4);
    }

    private void acknowledge() {
        control(next, Segment.ACK, Segment.HEADER);
    }

    private void segment(int sequence, int length, int flags) {
        int offset = sequence - unacknowledged;
        stream.peek(offset, frame, Packet.HEADERS + Segment.HEADER, length);
        transmit(sequence, flags | Segment.ACK, Segment.HEADER, length);
    }

    private void control(int sequence, int flags, int header) {
        transmit(sequence, flags, header, 0);
    }

    private void transmit(int sequence, int flags, int header, int length) {
        int window = stream.window();
        advertised = expected + window;
        int bytes =
                Segment.write(
                        frame,
                        path,
                        key.destinationPort(),
                        key.sourcePort(),
                        sequence,
                        expected,
                        flags,
                        window,
                        stream.ttl(),
                        header,
                        length);
        sink.send(frame, bytes);
    }
}
