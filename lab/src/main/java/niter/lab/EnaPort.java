package niter.lab;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import niter.linux.Memory;
import niter.pcie.FunctionClient;

/**
 * A driver of the Elastic Network Adapter that polls, as DPDK's does: no interrupts, completions by
 * phase, one doorbell a burst. Slots and buffers belong together, so that a packet costs a phase
 * bit and its ports.
 */
final class EnaPort extends Port {
    private static final MemorySegment ALL = Memory.all();
    private static final VarHandle INT = JAVA_INT.varHandle();

    /** Gives memory back to the device every so many frames, as drivers do. */
    private static final int REFILL = 128;

    private static final int BUFFER_BYTES = 4096;
    private static final int PIECES = 7; // of a packet that is cut, beside its meta descriptor
    private static final int COMMANDS = 32;
    private static final int PHASE = 1 << 24;
    private static final int FIRST = 1 << 26;
    private static final int LAST = 1 << 27;

    // Registers of BAR 0.
    private static final int COMMAND_BASE = 0x10;
    private static final int COMMAND_CAPS = 0x18;
    private static final int ANSWER_BASE = 0x20;
    private static final int ANSWER_CAPS = 0x28;
    private static final int COMMAND_DOORBELL = 0x2c;
    private static final int EVENT_CAPS = 0x34;
    private static final int EVENT_BASE = 0x38;
    private static final int CONTROL = 0x54;
    private static final int STATUS = 0x58;

    private final GuestMemory memory = new GuestMemory(64L << 20);
    private final FunctionClient client;
    private final long commands = memory.allocate(64 * COMMANDS);
    private final long answers = memory.allocate(64 * COMMANDS);
    private int commanded;
    private final Queue transmit;
    private final Queue receive;
    private final int descriptors; // of a packet
    private final int packets; // that the ring holds
    private final long buffers; // addresses of the packets' ports
    private final int bufferBytes;
    private int sentSlot; // the next packet's place
    private int refilled;

    /** A queue and its completions: host addresses and positions that count on. */
    private static final class Queue {
        long ring;
        long completions;
        int doorbell;
        int tail;
        int head;
    }

    EnaPort(Path socket, Template template) throws IOException {
        client = FunctionClient.connect(socket);
        client.write(7, 4, 2, 6); // memory and bus master
        client.map(memory.file(), 0, 0, memory.bytes(), 3);
        start();
        transmit = create(true, 8);
        receive = create(false, 16);
        descriptors = template.shape().segmented() ? 1 + PIECES : 1;
        packets = DEPTH / descriptors;
        bufferBytes = template.shape().frameBytes() + 4095 & ~4095;
        long first = memory.allocate((long) packets * bufferBytes);
        buffers = memory.address(first) + Template.TRANSPORT;
        for (int i = 0; i < packets; i++) {
            long at = first + (long) i * bufferBytes;
            template.write(memory.address(at));
            prepare(template, i, at);
        }
        fill();
    }

    // ---- set-up

    private void start() throws IOException {
        client.write(0, CONTROL, 4, 1);
        client.write(0, CONTROL, 4, 0);
        if ((client.read(0, STATUS, 4) & 1) != 1) {
            throw new IOException("the adapter is not ready");
        }
        base(COMMAND_BASE, commands);
        base(ANSWER_BASE, answers);
        client.write(0, COMMAND_CAPS, 4, COMMANDS | 64 << 16);
        client.write(0, ANSWER_CAPS, 4, COMMANDS | 64 << 16);
        base(EVENT_BASE, memory.allocate(64 * COMMANDS));
        client.write(0, EVENT_CAPS, 4, COMMANDS | 64 << 16);
    }

    private void base(int register, long offset) throws IOException {
        client.write(0, register, 4, offset);
        client.write(0, register + 4, 4, 0);
    }

    private Queue create(boolean isTransmit, int entryBytes) throws IOException {
        Queue queue = new Queue();
        long ring = memory.allocate(16L * DEPTH);
        long completions = memory.allocate((long) entryBytes * DEPTH);
        queue.ring = memory.address(ring);
        queue.completions = memory.address(completions);
        long create = command(3); // a completion queue
        ALL.set(JAVA_BYTE, create + 5, (byte) (entryBytes / 4));
        ALL.set(JAVA_SHORT_UNALIGNED, create + 6, (short) DEPTH);
        ALL.set(JAVA_INT_UNALIGNED, create + 8, -1); // no vector
        ALL.set(JAVA_LONG_UNALIGNED, create + 12, completions);
        int index = ALL.get(JAVA_SHORT_UNALIGNED, answer() + 8);
        create = command(1); // a submission queue
        ALL.set(JAVA_BYTE, create + 4, (byte) ((isTransmit ? 1 : 2) << 5));
        ALL.set(JAVA_BYTE, create + 6, (byte) 1); // in host memory
        ALL.set(JAVA_SHORT_UNALIGNED, create + 8, (short) index);
        ALL.set(JAVA_SHORT_UNALIGNED, create + 10, (short) DEPTH);
        ALL.set(JAVA_LONG_UNALIGNED, create + 12, ring);
        queue.doorbell = ALL.get(JAVA_INT_UNALIGNED, answer() + 12);
        return queue;
    }

    private long command(int opcode) {
        long slot = memory.address(commands + 64L * (commanded % COMMANDS));
        ALL.set(JAVA_SHORT_UNALIGNED, slot, (short) (commanded % COMMANDS));
        ALL.set(JAVA_BYTE, slot + 2, (byte) opcode);
        ALL.set(JAVA_BYTE, slot + 3, (byte) 1); // the first time round
        return slot;
    }

    /** Rings for the command and waits for its answer. */
    private long answer() throws IOException {
        long slot = memory.address(answers + 64L * (commanded % COMMANDS));
        commanded++;
        client.write(0, COMMAND_DOORBELL, 4, commanded);
        long end = System.nanoTime() + 5_000_000_000L;
        while ((((int) INT.getAcquire(ALL, slot)) & PHASE) == 0) {
            if (System.nanoTime() > end) {
                throw new IOException("the adapter does not answer");
            }
        }
        if (ALL.get(JAVA_BYTE, slot + 2) != 0) {
            throw new IOException("the adapter refuses a queue");
        }
        return slot;
    }

    /** Writes a packet's descriptors but for their phase. */
    private void prepare(Template template, int packet, long offset) {
        Shape shape = template.shape();
        long at = transmit.ring + 16L * packet * descriptors;
        int sums = shape.segmented() ? 12 << 8 | 1 << 7 : 13 << 8;
        int offloads = sums | 1 << 14 | 1 << 17 | packet << 22; // layer 4, pseudo header done
        int id = (packet >>> 10) << 16;
        if (!shape.segmented()) {
            descriptor(at, shape.frameBytes() | id | FIRST | LAST | 1 << 28, offloads, offset);
            return;
        }
        int segment = Shape.SEGMENT_BYTES;
        int meta = FIRST | 1 << 20 | 1 << 21 | 1 << 23 | (segment >>> 10 & 0xf) << 16;
        int geometry = 20 | 14 << 8 | 5 << 16 | segment << 22;
        descriptor(at, meta, 0, geometry & 0xffff_ffffL);
        offloads |= 1 << 13; // each segment's IPv4 header
        int part = (shape.frameBytes() + PIECES - 1) / PIECES;
        for (int i = 0; i < PIECES; i++) {
            int bytes = Math.min(part, shape.frameBytes() - i * part);
            int edge = i == PIECES - 1 ? LAST : 0;
            int word0 = bytes | edge | (i == 0 ? id | 1 << 28 : 0);
            descriptor(at + 16L * (i + 1), word0, i == 0 ? offloads : 0, offset + (long) i * part);
        }
    }

    private static void descriptor(long at, int word0, int word1, long address) {
        ALL.set(JAVA_INT_UNALIGNED, at, word0);
        ALL.set(JAVA_INT_UNALIGNED, at + 4, word1);
        ALL.set(JAVA_LONG_UNALIGNED, at + 8, address);
    }

    private void fill() throws IOException {
        long first = memory.allocate((long) DEPTH * BUFFER_BYTES);
        for (int i = 0; i < DEPTH; i++) {
            long at = receive.ring + 16L * i;
            descriptor(at, BUFFER_BYTES | 0x1d << 24, i, first + (long) i * BUFFER_BYTES);
        }
        receive.tail = DEPTH;
        client.post(0, receive.doorbell, 4, receive.tail & 0xffff);
    }

    // ---- at work

    @Override
    void receive() throws IOException {
        Queue queue = receive;
        while (true) {
            long at = queue.completions + 16L * (queue.head % DEPTH);
            int status = (int) INT.getAcquire(ALL, at);
            if ((status >>> 24 & 1) == (queue.head / DEPTH & 1)) {
                break;
            }
            bytes += ALL.get(JAVA_INT, at + 4) & 0xffff;
            frames += status >>> 27 & 1; // the last of its buffers
            queue.head++;
        }
        while (queue.head - refilled >= REFILL) {
            for (int i = 0; i < REFILL; i++) { // the buffer of a slot is always the same one
                long at = queue.ring + 16L * (queue.tail % DEPTH) + 3;
                ALL.set(JAVA_BYTE, at, (byte) (0x1c | queue.tail / DEPTH & 1 ^ 1));
                queue.tail++;
            }
            refilled += REFILL;
            client.post(0, queue.doorbell, 4, queue.tail & 0xffff);
        }
    }

    @Override
    int sent() {
        Queue queue = transmit;
        int before = queue.head;
        while (true) {
            long at = queue.completions + 8L * (queue.head % DEPTH);
            int status = (int) INT.getAcquire(ALL, at);
            if ((status >>> 24 & 1) == (queue.head / DEPTH & 1)) {
                return queue.head - before;
            }
            queue.head++;
        }
    }

    @Override
    void send(int ports) {
        Queue queue = transmit;
        ALL.set(JAVA_INT_UNALIGNED, buffers + (long) sentSlot * bufferBytes, ports);
        sentSlot = sentSlot + 1 == packets ? 0 : sentSlot + 1;
        int phase = (queue.tail / DEPTH & 1 ^ 1) * PHASE;
        for (int i = 0; i < descriptors; i++) {
            long at = queue.ring + 16L * (queue.tail % DEPTH);
            ALL.set(JAVA_INT, at, ALL.get(JAVA_INT, at) & ~PHASE | phase);
            queue.tail++;
        }
    }

    @Override
    void flush() throws IOException {
        client.post(0, transmit.doorbell, 4, transmit.tail & 0xffff);
    }

    @Override
    public void close() {
        client.close();
        memory.close();
    }
}
