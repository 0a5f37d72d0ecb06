package niter.lab;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import niter.linux.Descriptor;
import niter.linux.Memory;
import niter.linux.MessageHeader;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * A driver of virtio-net behind vhost-user that polls: split rings, no interrupts, no kicks, as the
 * switch polls too. Slots and buffers belong together, so that a packet costs its ports alone.
 */
final class VhostPort extends Port {
    private static final MemorySegment ALL = Memory.all();
    private static final VarHandle SHORT = JAVA_SHORT.varHandle();

    // Requests, and the features that both must have: sums and TSO left to each other, virtio 1.
    private static final int GET_FEATURES = 1;
    private static final int SET_FEATURES = 2;
    private static final int SET_OWNER = 3;
    private static final int SET_MEM_TABLE = 5;
    private static final int SET_VRING_NUM = 8;
    private static final int SET_VRING_ADDR = 9;
    private static final int SET_VRING_BASE = 10;
    private static final int SET_VRING_KICK = 12;
    private static final int SET_VRING_CALL = 13;
    private static final int NO_DESCRIPTOR = 1 << 8;
    private static final long FEATURES = 1L | 1 << 1 | 1 << 7 | 1 << 11 | 1L << 32;

    private static final int HEADER_BYTES = 12; // struct virtio_net_hdr_v1
    private static final int NEEDS_SUM = 1;
    private static final int TSO4 = 1;
    private static final int WRITE = 2;
    private static final int NO_INTERRUPT = 1;

    private final GuestMemory memory = new GuestMemory(128L << 20);
    private final Descriptor socket;
    private final int depth;
    private final Ring receive;
    private final Ring transmit;
    private final int bufferBytes;
    private final long buffers; // addresses of the packets' ports

    /** A split ring: host addresses and positions that count on. */
    private final class Ring {
        final long descriptors = memory.address(memory.allocate(16L * depth));
        final long available = memory.address(memory.allocate(6 + 2L * depth));
        final long used = memory.address(memory.allocate(6 + 8L * depth));
        short tail;
        short head;

        /** Slot i is buffer i, for ever: both sides take them in order. */
        void fill(long firstBuffer, int bytes, int flags) {
            ALL.set(JAVA_SHORT, available, (short) NO_INTERRUPT);
            for (int i = 0; i < depth; i++) {
                long at = descriptors + 16L * i;
                ALL.set(JAVA_LONG, at, firstBuffer + (long) i * bufferBytes);
                ALL.set(JAVA_INT, at + 8, bytes);
                ALL.set(JAVA_SHORT, at + 12, (short) flags);
                ALL.set(JAVA_SHORT, available + 4 + 2L * i, (short) i);
            }
        }

        void publish() {
            SHORT.setRelease(ALL, available + 2, tail);
        }

        short done() {
            return (short) SHORT.getAcquire(ALL, used + 2);
        }
    }

    /** Waits for the switch to connect. */
    VhostPort(Path path, Template template) throws IOException {
        Shape shape = template.shape();
        depth = shape.segmented() ? DEPTH / 4 : DEPTH; // each buffer takes the largest packet
        bufferBytes = HEADER_BYTES + shape.frameBytes() + 4095 & ~4095;
        receive = new Ring();
        transmit = new Ring();
        long first = memory.allocate((long) depth * bufferBytes);
        receive.fill(first, bufferBytes, WRITE);
        receive.tail = (short) depth;
        receive.publish();
        long second = memory.allocate((long) depth * bufferBytes);
        transmit.fill(second, HEADER_BYTES + shape.frameBytes(), 0);
        for (int i = 0; i < depth; i++) {
            prepare(template, memory.address(second + (long) i * bufferBytes));
        }
        buffers = memory.address(second) + HEADER_BYTES + Template.TRANSPORT;
        try (Descriptor listener = UnixSocket.listen(path, UnixSocket.Type.STREAM, 1)) {
            @Nullable Descriptor accepted = UnixSocket.accept(listener);
            if (accepted == null) {
                throw new IOException(path + ": the switch does not come");
            }
            socket = accepted;
        }
        negotiate();
    }

    private static void prepare(Template template, long at) {
        boolean segmented = template.shape().segmented();
        ALL.set(JAVA_BYTE, at, (byte) NEEDS_SUM);
        if (segmented) {
            ALL.set(JAVA_BYTE, at + 1, (byte) TSO4);
            ALL.set(JAVA_SHORT, at + 2, (short) template.headerBytes());
            ALL.set(JAVA_SHORT, at + 4, (short) Shape.SEGMENT_BYTES);
        }
        ALL.set(JAVA_SHORT, at + 6, (short) Template.TRANSPORT);
        int sum = segmented ? Template.TCP_SUM : Template.UDP_SUM;
        ALL.set(JAVA_SHORT, at + 8, (short) sum);
        template.write(at + HEADER_BYTES);
    }

    // ---- vhost-user

    private void negotiate() throws IOException {
        send(GET_FEATURES, payload(0));
        long offered = reply();
        if ((offered & FEATURES) != FEATURES) {
            throw new IOException("vhost-user features %x: %x wanted".formatted(offered, FEATURES));
        }
        send(SET_OWNER, payload(0));
        send(SET_FEATURES, payload(8).putLong(FEATURES));
        ByteBuffer table = payload(40).putInt(1).putInt(0);
        table.putLong(0).putLong(memory.bytes()).putLong(memory.address(0)).putLong(0);
        send(SET_MEM_TABLE, table, memory.file());
        begin(0, receive);
        begin(1, transmit);
    }

    private void begin(int index, Ring ring) throws IOException {
        send(SET_VRING_NUM, payload(8).putInt(index).putInt(depth));
        send(SET_VRING_BASE, payload(8).putInt(index).putInt(0));
        ByteBuffer addresses = payload(40).putInt(index).putInt(0).putLong(ring.descriptors);
        send(SET_VRING_ADDR, addresses.putLong(ring.used).putLong(ring.available).putLong(0));
        send(SET_VRING_CALL, payload(8).putLong(index | NO_DESCRIPTOR));
        send(SET_VRING_KICK, payload(8).putLong(index | NO_DESCRIPTOR));
    }

    private static ByteBuffer payload(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void send(int request, ByteBuffer payload, Descriptor... beside) throws IOException {
        int bytes = 12 + payload.capacity();
        int[] numbers = new int[beside.length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = beside[i].number();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment message = arena.allocate(bytes, 8);
            message.set(JAVA_INT, 0, request);
            message.set(JAVA_INT, 4, 1); // the protocol's version
            message.set(JAVA_INT, 8, payload.capacity());
            MemorySegment.copy(payload.array(), 0, message, JAVA_BYTE, 12, payload.capacity());
            if (UnixSocket.send(socket.number(), message.address(), bytes, 0, numbers) != bytes) {
                throw new IOException("the switch is gone");
            }
        }
    }

    /** A reply of 64 bits. */
    private long reply() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment message = arena.allocate(20, 8);
            MessageHeader header = MessageHeader.allocate(arena, 1, 0);
            header.iovec(0, message.address(), message.byteSize());
            long got =
                    UnixSocket.recvmsg(socket.number(), header.address(), UnixSocket.MSG_WAITALL);
            if (got != message.byteSize()) {
                throw new IOException("the switch does not answer");
            }
            return message.get(JAVA_LONG_UNALIGNED, 12);
        }
    }

    // ---- at work

    @Override
    void receive() {
        Ring ring = receive;
        short done = ring.done();
        if (done == ring.head) {
            return;
        }
        while (ring.head != done) {
            long at = ring.used + 4 + 8L * (ring.head & depth - 1);
            bytes += ALL.get(JAVA_INT, at + 4) - HEADER_BYTES;
            frames++;
            ring.head++;
            ring.tail++;
        }
        ring.publish();
    }

    @Override
    int sent() {
        Ring ring = transmit;
        short done = ring.done();
        int count = done - ring.head & 0xffff;
        ring.head = done;
        return count;
    }

    @Override
    void send(int ports) {
        int slot = transmit.tail & depth - 1;
        ALL.set(JAVA_INT_UNALIGNED, buffers + (long) slot * bufferBytes, ports);
        transmit.tail++;
    }

    @Override
    void flush() {
        transmit.publish();
    }

    @Override
    public void close() {
        socket.close();
        memory.close();
    }
}
