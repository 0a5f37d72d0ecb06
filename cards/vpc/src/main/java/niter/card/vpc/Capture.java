package niter.card.vpc;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import niter.ena.Frame;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.MessageHeader;
import niter.linux.UnixSocket;

/**
 * One who watches an interface: gets each of its frames as a block of a pcapng file, one message
 * each. Whoever reads too slowly misses packets and is told how many. On the core's thread.
 */
final class Capture {
    private static final long SECOND = 1_000_000_000L;

    private final Descriptor socket;
    private final MemorySegment block = Arena.ofAuto().allocate(Pcapng.MAX_BYTES, 8);
    private final Pcapng pcapng = new Pcapng(block);
    private final MessageHeader message = MessageHeader.allocate(Arena.ofAuto(), 1, 0);
    private long lost; // since the last packet that was sent

    /** Begins with what a file begins with. */
    Capture(Descriptor socket, Interface of) {
        this.socket = socket;
        send(pcapng.begin(of.id(), of.mac()));
    }

    Descriptor socket() {
        return socket;
    }

    /**
     * Shows a frame.
     *
     * @param direction {@link Pcapng#INBOUND} or {@link Pcapng#OUTBOUND}
     */
    void show(Frame frame, int direction) {
        Instant now = Instant.now();
        long nanos = now.getEpochSecond() * SECOND + now.getNano();
        if (send(pcapng.packet(frame, direction, nanos, lost))) {
            lost = 0;
        } else {
            lost++;
        }
    }

    /** False where the reader has no room; its end is seen by whoever watches the socket. */
    private boolean send(int bytes) {
        message.iovec(0, block.address(), bytes);
        long sent = UnixSocket.sendmsg(socket.number(), message.address(), UnixSocket.MSG_DONTWAIT);
        return sent != -Errno.EAGAIN;
    }
}
