package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.linux.LinuxException;
import niter.linux.MessageHeader;
import niter.linux.UnixSocket;

/**
 * A vfio-user client: one request at a time, each with a reply, and posted writes. What a function
 * writes by messages (its interrupts, where it is detachable) is done while a reply is awaited, and
 * by {@link #obeyAll}. For one thread.
 *
 * <p>An error reply becomes a {@link LinuxException} that names the request; a connection that
 * ended an EOFException.
 */
public final class FunctionClient implements AutoCloseable {
    /** What GET_REGION_INFO says: flags (1 readable, 2 writable) and size, 0 for none. */
    public record Region(int flags, long bytes) {}

    private static final int MAX_BYTES = 1 << 20;
    private static final String OFFER =
            "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576}}\0";

    private final Descriptor socket;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment out = arena.allocate(MAX_BYTES, 8);
    private final MemorySegment in = arena.allocate(MAX_BYTES, 8);
    private final MessageHeader posted = MessageHeader.allocate(arena, 1, 0);
    private final List<Grant> grants = new ArrayList<>();
    private int nextId = 1;

    /** Memory that the function may write to by messages. The file is the caller's. */
    private record Grant(Descriptor file, long offset, long address, long bytes) {}

    private FunctionClient(Descriptor socket) {
        this.socket = socket;
    }

    /** Connects and negotiates version 0.0. */
    public static FunctionClient connect(Path path) throws IOException {
        FunctionClient client =
                new FunctionClient(UnixSocket.connect(path, UnixSocket.Type.STREAM));
        byte[] text = OFFER.getBytes(StandardCharsets.US_ASCII);
        client.request(Wire.VERSION, buffer(4 + text.length).putInt(0).put(text));
        return client;
    }

    /** Lets the function reach memory. Flags: 1 readable, 2 writable. */
    public void map(Descriptor file, long offset, long address, long bytes, int flags)
            throws IOException {
        ByteBuffer payload = buffer(32).putInt(32).putInt(flags);
        request(Wire.DMA_MAP, payload.putLong(offset).putLong(address).putLong(bytes), file);
        grants.add(new Grant(file, offset, address, bytes));
    }

    /** Takes memory away again; nothing accesses it when this returns. */
    public void unmap(long address, long bytes) throws IOException {
        ByteBuffer payload = buffer(24).putInt(24).putInt(0);
        request(Wire.DMA_UNMAP, payload.putLong(address).putLong(bytes));
        grants.removeIf(grant -> grant.address == address && grant.bytes == bytes);
    }

    public Region region(int index) throws IOException {
        ByteBuffer payload = buffer(32).putInt(32).putInt(0).putInt(index);
        ByteBuffer reply =
                request(Wire.DEVICE_GET_REGION_INFO, payload.putInt(0).putLong(0).putLong(0));
        return new Region(reply.getInt(4), reply.getLong(16));
    }

    /** How many vectors an interrupt index has; 2 is MSI-X. */
    public int interrupts(int index) throws IOException {
        ByteBuffer payload = buffer(16).putInt(16).putInt(0).putInt(index).putInt(0);
        return request(Wire.DEVICE_GET_IRQ_INFO, payload).getInt(12);
    }

    /** Gives MSI-X vectors eventfds, from {@code first} on; 16 at most. */
    public void assign(int first, Descriptor... eventfds) throws IOException {
        setInterrupts(Wire.SET_EVENTFD | Wire.SET_TRIGGER, first, eventfds.length, eventfds);
    }

    /** Takes the eventfds of all MSI-X vectors away. */
    public void disableInterrupts() throws IOException {
        setInterrupts(Wire.SET_NONE | Wire.SET_TRIGGER, 0, 0);
    }

    private void setInterrupts(int flags, int first, int count, Descriptor... eventfds)
            throws IOException {
        ByteBuffer payload = buffer(20).putInt(20).putInt(flags).putInt(Wire.IRQ_MSIX);
        request(Wire.DEVICE_SET_IRQS, payload.putInt(first).putInt(count), eventfds);
    }

    /** Reads 1 to 8 bytes of a region; 7 is the configuration space. */
    public long read(int region, long offset, int bytes) throws IOException {
        ByteBuffer data = ByteBuffer.wrap(readBytes(region, offset, bytes));
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (data.get(i) & 0xffL) << 8 * i;
        }
        return value;
    }

    public byte[] readBytes(int region, long offset, int bytes) throws IOException {
        ByteBuffer payload = buffer(16).putLong(offset).putInt(region).putInt(bytes);
        ByteBuffer reply = request(Wire.REGION_READ, payload);
        byte[] data = new byte[bytes];
        reply.get(16, data);
        return data;
    }

    /** Writes 1 to 8 bytes and waits for the answer. */
    public void write(int region, long offset, int bytes, long value) throws IOException {
        request(Wire.REGION_WRITE, access(region, offset, bytes, value));
    }

    /** Writes without an answer, as a guest's store to a memory BAR. Allocates nothing. */
    public void post(int region, long offset, int bytes, long value) throws IOException {
        header(Wire.REGION_WRITE, 32 + bytes, Wire.NO_REPLY);
        out.set(JAVA_LONG_UNALIGNED, 16, offset);
        out.set(JAVA_INT_UNALIGNED, 24, region);
        out.set(JAVA_INT_UNALIGNED, 28, bytes);
        for (int i = 0; i < bytes; i++) {
            out.set(JAVA_BYTE, 32 + i, (byte) (value >>> 8 * i));
        }
        posted.iovec(0, out.address(), 32 + bytes);
        expect(32 + bytes, UnixSocket.sendmsg(socket.number(), posted.address(), 0));
    }

    /** DEVICE_RESET. */
    public void reset() throws IOException {
        request(Wire.DEVICE_RESET, buffer(0));
    }

    private static ByteBuffer access(int region, long offset, int bytes, long value) {
        ByteBuffer payload = buffer(16 + bytes).putLong(offset).putInt(region).putInt(bytes);
        for (int i = 0; i < bytes; i++) {
            payload.put((byte) (value >>> 8 * i));
        }
        return payload;
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Sends any request and waits for its reply.
     *
     * @return the reply's payload
     */
    public ByteBuffer request(int command, ByteBuffer payload, Descriptor... beside)
            throws IOException {
        int size = Wire.HEADER_BYTES + payload.capacity();
        int id = header(command, size, Wire.TYPE_COMMAND);
        MemorySegment.copy(
                payload.array(), 0, out, JAVA_BYTE, Wire.HEADER_BYTES, payload.capacity());
        int[] numbers = new int[beside.length];
        for (int i = 0; i < beside.length; i++) {
            numbers[i] = beside[i].number();
        }
        send(size, numbers);
        return reply(command, id);
    }

    private int header(int command, int size, int flags) {
        int id = nextId;
        nextId = nextId + 1 & 0xffff;
        out.set(JAVA_SHORT_UNALIGNED, Wire.ID, (short) id);
        out.set(JAVA_SHORT_UNALIGNED, Wire.COMMAND, (short) command);
        out.set(JAVA_INT_UNALIGNED, Wire.SIZE, size);
        out.set(JAVA_INT_UNALIGNED, Wire.FLAGS, flags);
        out.set(JAVA_INT_UNALIGNED, Wire.ERROR, 0);
        return id;
    }

    private void send(int size, int... descriptors) throws IOException {
        expect(size, UnixSocket.send(socket.number(), out.address(), size, 0, descriptors));
    }

    private static void expect(int size, long sent) throws IOException {
        if (sent != size) {
            throw new EOFException("the function's server is gone");
        }
    }

    private ByteBuffer reply(int command, int id) throws IOException {
        receive(0, Wire.HEADER_BYTES);
        while ((in.get(JAVA_INT_UNALIGNED, Wire.FLAGS) & Wire.TYPE_MASK) == Wire.TYPE_COMMAND) {
            obey();
            receive(0, Wire.HEADER_BYTES);
        }
        int size = in.get(JAVA_INT_UNALIGNED, Wire.SIZE);
        int answered = in.get(JAVA_SHORT_UNALIGNED, Wire.ID) & 0xffff;
        if (answered != id || size < Wire.HEADER_BYTES || size > MAX_BYTES) {
            throw new IOException("reply " + answered + " of " + size + " bytes to " + id);
        }
        receive(Wire.HEADER_BYTES, size - Wire.HEADER_BYTES);
        if ((in.get(JAVA_INT_UNALIGNED, Wire.FLAGS) & Wire.IS_ERROR) != 0) {
            int errno = in.get(JAVA_INT_UNALIGNED, Wire.ERROR);
            throw LinuxException.of("vfio-user request " + command, errno);
        }
        byte[] payload = new byte[size - Wire.HEADER_BYTES];
        MemorySegment.copy(in, JAVA_BYTE, Wire.HEADER_BYTES, payload, 0, payload.length);
        return ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Does what the function has asked for so far, without waiting for more.
     *
     * @throws EOFException if the connection has ended
     */
    public void obeyAll() throws IOException {
        while (receive(0, 1, UnixSocket.MSG_PEEK | UnixSocket.MSG_DONTWAIT)) {
            receive(0, Wire.HEADER_BYTES);
            if ((in.get(JAVA_INT_UNALIGNED, Wire.FLAGS) & Wire.TYPE_MASK) != Wire.TYPE_COMMAND) {
                throw new IOException("a reply to no request");
            }
            obey();
        }
    }

    /** Does what the function asks for: posted writes of 4 bytes, as interrupts are. */
    private void obey() throws IOException {
        int size = in.get(JAVA_INT_UNALIGNED, Wire.SIZE);
        int command = in.get(JAVA_SHORT_UNALIGNED, Wire.COMMAND) & 0xffff;
        int flags = in.get(JAVA_INT_UNALIGNED, Wire.FLAGS);
        if (command != Wire.DMA_WRITE || flags != Wire.NO_REPLY || size != 36) {
            throw new IOException("command " + command + " of " + size + " bytes from a function");
        }
        receive(Wire.HEADER_BYTES, size - Wire.HEADER_BYTES);
        long address = in.get(JAVA_LONG_UNALIGNED, 16);
        for (Grant grant : grants) {
            long offset = address - grant.address;
            if (offset >= 0 && offset + 4 <= grant.bytes) {
                FileIo.pwrite(grant.file.number(), in.address() + 32, 4, grant.offset + offset);
                return;
            }
        }
        throw new IOException("an interrupt to %x, which is not mapped".formatted(address));
    }

    private void receive(long offset, long bytes) throws IOException {
        receive(offset, bytes, 0);
    }

    /** False where nothing is there, and it is not to be waited for. */
    private boolean receive(long offset, long bytes, int flags) throws IOException {
        try (Arena call = Arena.ofConfined()) {
            MessageHeader message = MessageHeader.allocate(call, 1, 0);
            for (long done = 0; done < bytes; ) {
                message.iovec(0, in.address() + offset + done, bytes - done);
                long got = UnixSocket.recvmsg(socket.number(), message.address(), flags);
                if (got == -Errno.EAGAIN) {
                    return false;
                }
                if (got == 0 || got == -Errno.ECONNRESET) {
                    throw new EOFException("the function's server is gone");
                }
                if (got < 0) {
                    throw LinuxException.of("recvmsg", (int) -got);
                }
                done += got;
            }
            return true;
        }
    }

    /** The connection, for tests that send what this class would not. */
    public Descriptor socket() {
        return socket;
    }

    @Override
    public void close() {
        socket.close();
        arena.close();
    }
}
