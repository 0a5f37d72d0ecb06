package niter.cli;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.LinuxException;
import niter.linux.MessageHeader;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * Copies what the VPC card shows of an interface: blocks of a pcapng file, one a message. Each is
 * written at once, so the file is whole whenever this process ends. One thread runs it, any thread
 * may stop it.
 */
final class PacketCapture {
    private static final int BUFFER_BYTES = 1 << 17; // the longest frame, and some
    private static final byte SECTION_HEADER = 0x0a; // a file's first byte; else it is text
    private static final int ENHANCED_PACKET = 6;

    private final Path socket;
    private final String interfaceId;
    private final OutputStream file;
    private final long most;
    private @Nullable Descriptor connection; // guarded by this
    private boolean stopped; // guarded by this
    private long packets;

    /**
     * Copies to a file.
     *
     * @param socket of the card
     * @param most packets, then it stops
     */
    PacketCapture(Path socket, String interfaceId, OutputStream file, long most) {
        this.socket = socket;
        this.interfaceId = interfaceId;
        this.file = file;
        this.most = most;
    }

    /** Packets so far. */
    long packets() {
        return packets;
    }

    /** Whether it is over: it was stopped, or has all that was asked for. */
    synchronized boolean isStopped() {
        return stopped;
    }

    synchronized void stop() {
        stopped = true;
        Descriptor open = connection;
        if (open != null) {
            UnixSocket.shutdown(open.number());
        }
    }

    /**
     * Copies until the card or the interface ends, or {@link #stop}; begins another section of the
     * file each time.
     *
     * @throws CliException if the card says why not
     * @throws IOException if the file takes no more
     */
    void run() throws IOException {
        try (Arena arena = Arena.ofConfined();
                Descriptor connected = UnixSocket.connect(socket, UnixSocket.Type.SEQPACKET)) {
            MemorySegment buffer = arena.allocate(BUFFER_BYTES, 8);
            byte[] name = interfaceId.getBytes(StandardCharsets.UTF_8);
            MemorySegment.copy(name, 0, buffer, JAVA_BYTE, 0, name.length);
            UnixSocket.send(connected.number(), buffer.address(), name.length, 0);
            open(connected);
            try {
                copy(connected, buffer, MessageHeader.allocate(arena, 1, 0));
            } finally {
                open(null);
            }
        } catch (LinuxException e) {
            if (e.errno() != Errno.ENOENT && e.errno() != Errno.ECONNREFUSED) {
                throw e; // else nobody listens: the card is about to start again
            }
        }
    }

    private synchronized void open(@Nullable Descriptor next) {
        connection = next;
        if (stopped && next != null) {
            UnixSocket.shutdown(next.number());
        }
    }

    private void copy(Descriptor from, MemorySegment buffer, MessageHeader message)
            throws IOException {
        message.iovec(0, buffer.address(), BUFFER_BYTES);
        boolean first = true;
        long got = UnixSocket.recvmsg(from.number(), message.address(), 0);
        while (got > 0 && !isStopped()) {
            byte[] block = buffer.asSlice(0, got).toArray(JAVA_BYTE);
            if (first && block[0] != SECTION_HEADER) {
                throw new CliException(new String(block, StandardCharsets.UTF_8));
            }
            first = false;
            file.write(block);
            if (buffer.get(JAVA_INT, 0) == ENHANCED_PACKET && ++packets == most) {
                stop();
                return;
            }
            got = UnixSocket.recvmsg(from.number(), message.address(), 0);
        }
    }
}
