package niter.card.vpc;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import niter.ena.Frame;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.LinuxException;
import niter.linux.MessageHeader;
import niter.linux.UnixSocket;
import niter.pcie.Core;
import org.jspecify.annotations.Nullable;

/**
 * Where frames leave the card and come in, to and from a process beside it that holds no guest
 * memory. It listens, the card connects, and connects again when it was restarted; what is sent
 * meanwhile is lost, as on any network.
 */
final class Outlet {
    private static final long FIRST_PAUSE_MILLIS = 10;
    private static final long LONGEST_PAUSE_MILLIS = 500;
    private static final int BUDGET = 64; // frames in one round: guests get their turn
    private static final int PREFIX_BYTES = 4;
    private static final int SEND_BYTES = PREFIX_BYTES + Frame.MAX_BYTES;
    private static final int RECEIVE_BYTES = 2 * SEND_BYTES;

    /** How frames lie in the socket. */
    enum Framing {
        /** SOCK_SEQPACKET: a packet each. */
        PACKETS(UnixSocket.Type.SEQPACKET),
        /**
         * SOCK_STREAM: each behind its length, four bytes in network order, as QEMU's stream
         * netdev.
         */
        LENGTHS(UnixSocket.Type.STREAM);

        private final UnixSocket.Type type;

        Framing(UnixSocket.Type type) {
            this.type = type;
        }
    }

    /** Takes what comes in, on the core's thread. */
    interface Inbound {
        /** The frame is the callee's until it returns. */
        void received(Frame frame);
    }

    private final Path path;
    private final Framing framing;
    private final Core core;
    private final Inbound inbound;
    private final Semaphore ended = new Semaphore(0); // of the connection: to the connecting thread

    // The core's thread:
    private final MemorySegment sending = Arena.ofAuto().allocate(SEND_BYTES, 8);
    private final MemorySegment receiving = Arena.ofAuto().allocate(RECEIVE_BYTES, 8);
    private final MessageHeader send = MessageHeader.allocate(Arena.ofAuto(), 1, 0);
    private final MessageHeader receive = MessageHeader.allocate(Arena.ofAuto(), 1, 0);
    private final Frame frame = new Frame();
    private @Nullable Descriptor socket;
    private int buffered; // bytes of LENGTHS that are no whole frame yet

    Outlet(Path path, Framing framing, Core core, Inbound inbound) {
        this.path = path;
        this.framing = framing;
        this.core = core;
        this.inbound = inbound;
    }

    /** Begins to connect. */
    void start() {
        Thread.ofPlatform().daemon().name("outlet-" + path.getFileName()).start(this::connect);
    }

    private void connect() {
        long pause = FIRST_PAUSE_MILLIS;
        try {
            while (true) {
                try {
                    Descriptor connected = UnixSocket.connect(path, framing.type);
                    core.execute(() -> begin(connected));
                    ended.acquire();
                    pause = FIRST_PAUSE_MILLIS;
                } catch (LinuxException e) { // nobody listens yet
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(pause));
                    pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void begin(Descriptor connected) {
        socket = connected;
        buffered = 0;
        core.watch(connected, this::readable);
    }

    private void end(Descriptor connected) {
        if (socket != connected) { // the answer to a frame that came in has found its end first
            return;
        }
        core.unwatch(connected);
        connected.close();
        socket = null;
        ended.release();
    }

    /**
     * Sends a frame; on the core's thread.
     *
     * @return false where nobody is there, or cannot take it now
     */
    boolean send(Frame outgoing) {
        Descriptor to = socket;
        if (to == null) {
            return false;
        }
        int bytes = outgoing.length();
        int prefix = framing == Framing.LENGTHS ? PREFIX_BYTES : 0;
        Wire.u32(sending, 0, bytes);
        outgoing.copy(0, sending.address() + prefix, bytes);
        send.iovec(0, sending.address(), prefix + bytes);
        long sent = UnixSocket.sendmsg(to.number(), send.address(), UnixSocket.MSG_DONTWAIT);
        if (sent == prefix + bytes) {
            return true;
        }
        if (sent != -Errno.EAGAIN) { // its end; or a part, which Linux does to no write this small
            end(to);
        }
        return false;
    }

    private void readable() {
        for (int i = 0; i < BUDGET; i++) {
            Descriptor from = socket;
            if (from == null) {
                return;
            }
            long room = RECEIVE_BYTES - buffered;
            receive.iovec(0, receiving.address() + buffered, room);
            long got =
                    UnixSocket.recvmsg(from.number(), receive.address(), UnixSocket.MSG_DONTWAIT);
            if (got == -Errno.EAGAIN) {
                return;
            }
            if (got <= 0 || !take((int) got)) {
                end(from);
                return;
            }
        }
    }

    /** Hands on what is whole; false for what is no frame. */
    private boolean take(int bytes) {
        if (framing == Framing.PACKETS) {
            if (bytes <= Frame.MAX_BYTES) {
                inbound.received(frame.wrap(receiving, bytes));
            }
            return true;
        }
        int end = buffered + bytes;
        int at = 0;
        while (end - at >= PREFIX_BYTES) {
            int length = Wire.u32(receiving, at);
            if (length < 0 || length > Frame.MAX_BYTES) {
                return false;
            }
            if (end - at - PREFIX_BYTES < length) {
                break;
            }
            at += PREFIX_BYTES;
            inbound.received(frame.wrap(receiving.asSlice(at, length), length));
            at += length;
        }
        buffered = end - at;
        MemorySegment.copy(receiving, at, receiving, 0, buffered);
        return true;
    }
}
