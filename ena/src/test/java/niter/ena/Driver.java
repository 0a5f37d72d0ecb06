package niter.ena;

import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;
import static niter.ena.Limits.LE64;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A guest's driver, written from the contract and not from the device model: registers by offset,
 * rings by phase. The device may be replaced under it.
 */
final class Driver {
    static final int DEPTH = 32;
    static final int EVENT_DEPTH = 16;

    final FakeFunction function;
    EnaController device;
    final List<byte[]> sent = new ArrayList<>();
    long nanos = 1_000_000_000L;

    private long next = FakeFunction.BASE;
    long commands;
    long answers;
    long events;
    int submitted;
    int answered;
    int eventsSeen;

    Driver(FakeFunction function) {
        this.function = function;
        device = create(LiveState::new);
        device.attach(function, false);
    }

    boolean broken; // the network behind: its sent() fails
    int flushes; // of that network

    static Driver fresh() {
        return new Driver(new FakeFunction(8 << 20));
    }

    EnaController create(EnaController.LiveStates liveStates) {
        EnaIdentity identity = EnaIdentity.of("0e:01:02:03:04:05", 9216);
        return new EnaController(identity, new Recorder(), () -> nanos, liveStates);
    }

    /** Keeps what was sent. */
    private final class Recorder implements Network {
        @Override
        public void sent(Frame frame) {
            if (broken) {
                throw new IllegalStateException("a defect");
            }
            function.step.run();
            byte[] copy = new byte[frame.length()];
            MemorySegment whole = Arena.ofAuto().allocate(Math.max(1, copy.length));
            frame.copy(0, whole.address(), copy.length);
            MemorySegment.copy(whole, ValueLayout.JAVA_BYTE, 0, copy, 0, copy.length);
            sent.add(copy);
        }

        @Override
        public void flush() {
            flushes++;
            function.step.run();
        }

        @Override
        public long conntrackAvailable() {
            return 6;
        }
    }

    // ---- memory

    /** All memory is free again, and nothing was sent. */
    void restart() {
        next = FakeFunction.BASE;
        sent.clear();
    }

    long allocate(long bytes) {
        long at = next;
        next += bytes + 63 & ~63L;
        return at;
    }

    MemorySegment at(long iova, long bytes) {
        return function.ram.asSlice(iova - FakeFunction.BASE, bytes);
    }

    // ---- registers

    int read(int offset) {
        return (int) device.readBar(0, offset, 4);
    }

    void write(int offset, int value) {
        if (device.storeDoorbell(0, offset, 4, value)) {
            return;
        }
        function.begin();
        device.writeBar(0, offset, 4, value);
        function.commit();
    }

    void poll() {
        for (int i = 0; i < 10_000; i++) {
            if (device.poll(64) == 0) {
                return;
            }
        }
        throw new AssertionError("the device never rests");
    }

    void reset(int reason) {
        write(0x54, 1 | reason << 28);
        assertThat(read(0x58) & 8).isEqualTo(8);
        write(0x54, 0);
        assertThat(read(0x58) & 9).isEqualTo(1);
    }

    /** As a driver's probe: reset, rings, events on. */
    Driver probe() {
        reset(0);
        commands = allocate(64L * DEPTH);
        answers = allocate(64L * DEPTH);
        events = allocate(64L * EVENT_DEPTH);
        at(commands, 64L * DEPTH).fill((byte) 0);
        at(answers, 64L * DEPTH).fill((byte) 0);
        at(events, 64L * EVENT_DEPTH).fill((byte) 0);
        submitted = 0;
        answered = 0;
        eventsSeen = 0;
        base(0x10, commands);
        base(0x20, answers);
        write(0x18, DEPTH | 64 << 16);
        write(0x28, DEPTH | 64 << 16);
        base(0x38, events);
        write(0x34, EVENT_DEPTH | 64 << 16);
        write(0x4c, 0);
        return this;
    }

    void listen() {
        assertThat(setGroups(0x11)).isZero();
        write(0x40, EVENT_DEPTH);
        poll();
    }

    int setGroups(int groups) {
        MemorySegment command = command(9);
        command.set(ValueLayout.JAVA_BYTE, 17, (byte) 26);
        command.set(LE32, 24, groups);
        return status(submit());
    }

    private void base(int register, long address) {
        write(register, (int) address);
        write(register + 4, (int) (address >>> 32));
    }

    // ---- admin

    /** An empty command in the next slot. */
    MemorySegment command(int opcode) {
        MemorySegment slot = at(commands + 64L * (submitted % DEPTH), 64);
        slot.fill((byte) 0);
        slot.set(LE16, 0, (short) (submitted % DEPTH));
        slot.set(ValueLayout.JAVA_BYTE, 2, (byte) opcode);
        slot.set(ValueLayout.JAVA_BYTE, 3, (byte) (submitted / DEPTH & 1 ^ 1));
        return slot;
    }

    /** Rings for the command and takes its answer. */
    MemorySegment submit() {
        submitted++;
        write(0x2c, submitted & 0xffff);
        poll();
        return answer();
    }

    boolean hasAnswer() {
        MemorySegment slot = at(answers + 64L * (answered % DEPTH), 64);
        return (slot.get(ValueLayout.JAVA_BYTE, 3) & 1) == (answered / DEPTH & 1 ^ 1);
    }

    MemorySegment answer() {
        assertThat(hasAnswer()).as("answer %d", answered).isTrue();
        MemorySegment slot = at(answers + 64L * (answered % DEPTH), 64);
        assertThat(slot.get(LE16, 0)).isEqualTo((short) (answered % DEPTH));
        answered++;
        return slot;
    }

    static int status(MemorySegment answer) {
        return answer.get(ValueLayout.JAVA_BYTE, 2);
    }

    MemorySegment getFeature(int id) {
        command(8).set(ValueLayout.JAVA_BYTE, 17, (byte) id);
        return submit();
    }

    // ---- events

    /** The next event, or null. */
    @Nullable MemorySegment event() {
        MemorySegment slot = at(events + 64L * (eventsSeen % EVENT_DEPTH), 64);
        if ((slot.get(ValueLayout.JAVA_BYTE, 4) & 1) != (eventsSeen / EVENT_DEPTH & 1 ^ 1)) {
            return null;
        }
        eventsSeen++;
        return slot;
    }

    // ---- queues

    /** A queue pair half: a submission and a completion ring. */
    final class Ring {
        final boolean transmit;
        final int depth;
        final long base;
        final long completions;
        final int entry;
        final int completion;
        final int unmask;
        final int index;
        final int doorbell;
        int tail;
        int head; // completions taken

        Ring(boolean transmit, int depth, int entry, int vector) {
            this.transmit = transmit;
            this.depth = depth;
            this.entry = entry;
            base = allocate(16L * depth);
            completions = allocate((long) entry * depth);
            at(completions, (long) entry * depth).fill((byte) 0);
            MemorySegment create = command(3);
            create.set(ValueLayout.JAVA_BYTE, 4, (byte) 0x20);
            create.set(ValueLayout.JAVA_BYTE, 5, (byte) (entry / 4));
            create.set(LE16, 6, (short) depth);
            create.set(LE32, 8, vector);
            create.set(LE64, 12, completions);
            MemorySegment made = submit();
            assertThat(status(made)).isZero();
            completion = made.get(LE16, 8);
            unmask = made.get(LE32, 20);
            assertThat(made.get(LE32, 16)).isZero();
            create = command(1);
            create.set(ValueLayout.JAVA_BYTE, 4, (byte) ((transmit ? 1 : 2) << 5));
            create.set(ValueLayout.JAVA_BYTE, 6, (byte) 1);
            create.set(LE16, 8, (short) completion);
            create.set(LE16, 10, (short) depth);
            create.set(LE64, 12, base);
            made = submit();
            assertThat(status(made)).isZero();
            index = made.get(LE16, 8);
            doorbell = made.get(LE32, 12);
        }

        void put(int word0, int word1, int word2, int word3) {
            MemorySegment slot = at(base + 16L * (tail % depth), 16);
            slot.set(LE32, 0, word0 | (tail / depth & 1 ^ 1) << 24);
            slot.set(LE32, 4, word1);
            slot.set(LE32, 8, word2);
            slot.set(LE32, 12, word3);
            tail++;
        }

        void ring() {
            write(doorbell, tail & 0xffff);
        }

        /** A receive buffer. */
        void post(int requestId, long address, int bytes) {
            put(
                    bytes & 0xffff | 0x1c << 24,
                    requestId,
                    (int) address,
                    (int) (address >>> 32) & 0xffff);
            MemorySegment slot = at(base + 16L * ((tail - 1) % depth), 16);
            int phase = (tail - 1) / depth & 1 ^ 1;
            slot.set(ValueLayout.JAVA_BYTE, 3, (byte) (0x1c | phase));
        }

        boolean hasCompletion() {
            MemorySegment slot = at(completions + (long) entry * (head % depth), entry);
            int flags = slot.get(LE32, 0) >>> 24 & 1;
            return flags == (head / depth & 1 ^ 1);
        }

        MemorySegment take() {
            assertThat(hasCompletion()).as("completion %d", head).isTrue();
            MemorySegment slot = at(completions + (long) entry * (head % depth), entry);
            head++;
            return slot;
        }

        void unmask() {
            write(unmask, 1 << 30);
        }

        int destroy() {
            MemorySegment destroy = command(2);
            destroy.set(LE16, 4, (short) index);
            destroy.set(ValueLayout.JAVA_BYTE, 6, (byte) ((transmit ? 1 : 2) << 5));
            int first = status(submit());
            command(4).set(LE16, 4, (short) completion);
            return first | status(submit());
        }
    }

    Ring transmit(int depth, int vector) {
        return new Ring(true, depth, 8, vector);
    }

    Ring receive(int depth, int vector) {
        return new Ring(false, depth, 16, vector);
    }

    /** A packet in one buffer; word 1's offload bits beside. */
    void send(Ring ring, int requestId, byte[] bytes, int offloads) {
        long data = allocate(Math.max(1, bytes.length));
        MemorySegment.copy(
                bytes, 0, at(data, bytes.length), ValueLayout.JAVA_BYTE, 0, bytes.length);
        put(ring, requestId, data, bytes.length, offloads, true, true);
    }

    static void put(
            Ring ring,
            int requestId,
            long data,
            int bytes,
            int offloads,
            boolean first,
            boolean last) {
        int word0 = bytes | (first ? 1 << 26 | 1 << 28 : 0) | (last ? 1 << 27 : 0);
        int word1 = first ? offloads | requestId << 22 : 0;
        if (first) {
            word0 |= (requestId >>> 10) << 16;
        }
        ring.put(word0, word1, (int) data, (int) (data >>> 32) & 0xffff);
    }

    /** Gives the device a frame from the network; whether it took it. */
    boolean arrives(byte[] bytes) {
        MemorySegment memory = Arena.ofAuto().allocate(bytes.length);
        memory.copyFrom(MemorySegment.ofArray(bytes));
        boolean taken = device.receive(new Frame().wrap(memory, bytes.length));
        device.flush();
        return taken;
    }
}
