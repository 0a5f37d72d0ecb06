package niter.controller.control;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.LinuxException;
import niter.linux.MessageHeader;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * One end of a control channel: a Unix socket of type SEQPACKET. A packet is one length-delimited
 * message with the descriptors that belong to it. Several threads may send; one receives, on a
 * platform thread.
 *
 * <p>A packet that breaks these rules is an {@link IOException} at the receiver, which then closes
 * the channel: what follows cannot be trusted.
 */
public final class ControlChannel implements AutoCloseable {
    /** The most bytes of a packet, its length included. */
    public static final int MAX_PACKET_BYTES = 64 * 1024;

    /** The most descriptors beside one packet. */
    public static final int MAX_DESCRIPTORS = 16;

    // One per receiving thread, not per channel: a keeper has many channels and one thread.
    private static final ThreadLocal<Incoming> INCOMING = ThreadLocal.withInitial(Incoming::new);

    private final Descriptor socket;

    // Using is shared, closing exclusive: the number is nobody else's while a call is on its way.
    private final ReadWriteLock use = new ReentrantReadWriteLock();

    /**
     * A message as it came.
     *
     * @param descriptors beside it, in order; the receiver closes them
     */
    public record Received<T extends MessageLite>(T message, List<Descriptor> descriptors) {
        /** Closes all descriptors, where nobody wants them. */
        public void discard() {
            descriptors.forEach(Descriptor::close);
        }
    }

    /** Takes over a connected socket. */
    public ControlChannel(Descriptor socket) {
        this.socket = socket;
    }

    /**
     * Connects.
     *
     * @throws IOException if nobody listens there
     */
    public static ControlChannel connect(Path socket) throws IOException {
        try {
            return new ControlChannel(UnixSocket.connect(socket, UnixSocket.Type.SEQPACKET));
        } catch (LinuxException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /**
     * Sends a message, waiting while the peer's queue is full. The descriptors stay the caller's.
     *
     * @throws IOException if the peer is gone
     * @throws IllegalArgumentException if the message or the descriptors do not fit a packet
     */
    public void send(MessageLite message, Descriptor... descriptors) throws IOException {
        send(message, 0, descriptors);
    }

    /**
     * Sends a message if the peer's queue has room for it now.
     *
     * @return false if it has none: nothing was sent
     */
    public boolean offer(MessageLite message, Descriptor... descriptors) throws IOException {
        return send(message, UnixSocket.MSG_DONTWAIT, descriptors);
    }

    /** Whether a packet takes a message. */
    public static boolean fits(MessageLite message) {
        return packetBytes(message) <= MAX_PACKET_BYTES;
    }

    private static int packetBytes(MessageLite message) {
        int length = message.getSerializedSize();
        return CodedOutputStream.computeUInt32SizeNoTag(length) + length;
    }

    private boolean send(MessageLite message, int flags, Descriptor... descriptors)
            throws IOException {
        int length = message.getSerializedSize();
        int bytes = packetBytes(message);
        if (bytes > MAX_PACKET_BYTES || descriptors.length > MAX_DESCRIPTORS) {
            throw new IllegalArgumentException(
                    "a packet takes %d bytes and %d descriptors, not %d and %d"
                            .formatted(
                                    MAX_PACKET_BYTES, MAX_DESCRIPTORS, bytes, descriptors.length));
        }
        int[] numbers = new int[descriptors.length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = descriptors[i].number();
        }
        long sent;
        use.readLock().lock();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment packet = arena.allocate(bytes);
            CodedOutputStream output = CodedOutputStream.newInstance(packet.asByteBuffer());
            output.writeUInt32NoTag(length);
            message.writeTo(output);
            output.flush();
            sent = UnixSocket.send(number(), packet.address(), bytes, flags, numbers);
        } finally {
            use.readLock().unlock();
        }
        if (sent == -Errno.EAGAIN && (flags & UnixSocket.MSG_DONTWAIT) != 0) {
            return false;
        }
        if (sent < 0) {
            throw failure("sendmsg", sent);
        }
        return true; // SEQPACKET: all or nothing
    }

    /**
     * Waits for the next message.
     *
     * @return null if the peer closed its end or died
     * @throws IOException if the packet is malformed
     */
    public <T extends MessageLite> @Nullable Received<T> receive(Parser<T> parser)
            throws IOException {
        try {
            return receive(parser, 0);
        } catch (EOFException e) {
            return null;
        }
    }

    /**
     * The next message if there is one, for loops that wait elsewhere.
     *
     * @return null if there is none yet
     * @throws EOFException if the peer closed its end or died
     * @throws IOException if the packet is malformed
     */
    public <T extends MessageLite> @Nullable Received<T> poll(Parser<T> parser) throws IOException {
        return receive(parser, UnixSocket.MSG_DONTWAIT);
    }

    private <T extends MessageLite> @Nullable Received<T> receive(Parser<T> parser, int flags)
            throws IOException {
        use.readLock().lock();
        try {
            return INCOMING.get().receive(number(), flags, parser);
        } finally {
            use.readLock().unlock();
        }
    }

    private int number() throws EOFException {
        try {
            return socket.number();
        } catch (IllegalStateException e) {
            throw (EOFException) new EOFException("the channel is closed").initCause(e);
        }
    }

    /** The socket, to wait on. */
    public Descriptor descriptor() {
        return socket;
    }

    /** Closes the channel. A thread that waits in it sees the end. */
    @Override
    public void close() {
        use.readLock().lock();
        try {
            UnixSocket.shutdown(number());
        } catch (EOFException e) {
            return; // closed already
        } finally {
            use.readLock().unlock();
        }
        use.writeLock().lock();
        try {
            socket.close();
        } finally {
            use.writeLock().unlock();
        }
    }

    private static IOException failure(String call, long result) {
        LinuxException cause = LinuxException.of(call, (int) -result);
        return new IOException(cause.getMessage(), cause);
    }

    /** Where a thread receives: one buffer of the largest packet. */
    private static final class Incoming {
        private final Arena arena = Arena.ofAuto();
        private final MemorySegment packet = arena.allocate(MAX_PACKET_BYTES, Long.BYTES);
        private final MessageHeader header = MessageHeader.allocate(arena, 1, MAX_DESCRIPTORS);

        <T extends MessageLite> @Nullable Received<T> receive(int fd, int flags, Parser<T> parser)
                throws IOException {
            header.iovec(0, packet.address(), packet.byteSize());
            header.offerControl();
            long length = UnixSocket.recvmsg(fd, header.address(), flags);
            if (length == -Errno.EAGAIN) {
                return null;
            }
            if (length == -Errno.ECONNRESET) { // it died with our messages unread
                throw new EOFException("the peer died");
            }
            if (length < 0) {
                throw failure("recvmsg", length);
            }
            List<Descriptor> descriptors = descriptors();
            if (length == 0) { // no message is empty: even an empty one has its length
                descriptors.forEach(Descriptor::close);
                throw new EOFException("the peer closed the channel");
            }
            try {
                return new Received<>(parse(length, parser), descriptors);
            } catch (IOException e) {
                descriptors.forEach(Descriptor::close);
                throw e;
            }
        }

        private List<Descriptor> descriptors() throws IOException {
            try {
                return header.descriptors();
            } catch (LinuxException e) {
                throw new IOException(e.getMessage(), e);
            }
        }

        private <T extends MessageLite> T parse(long length, Parser<T> parser) throws IOException {
            if ((header.flags() & UnixSocket.MSG_TRUNC) != 0) {
                throw new IOException("packet larger than " + MAX_PACKET_BYTES + " bytes");
            }
            byte[] bytes = packet.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
            CodedInputStream input = CodedInputStream.newInstance(bytes);
            int announced = input.readRawVarint32();
            if (announced != length - input.getTotalBytesRead()) {
                throw new IOException(
                        "packet of " + length + " bytes announces a message of " + announced);
            }
            T message = parser.parseFrom(input);
            input.checkLastTagWas(0);
            return message;
        }
    }
}
