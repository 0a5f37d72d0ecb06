package niter.card.ebs;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.SplittableRandom;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.EventFd;
import niter.linux.Mapping;
import niter.linux.MemoryFile;
import niter.linux.MessageHeader;
import niter.linux.UnixSocket;

/**
 * A machine and its driver on the thread that also runs what serves it: each request is sent, and
 * then the host makes steps until the reply is there. It knows what each block must hold, and looks
 * at a completion queue only when it was interrupted.
 */
final class SimulatedGuest implements AutoCloseable {
    static final int PAIRS = 2;

    private static final int ENTRIES = 32;
    private static final int SLOTS = 48;
    private static final int SLOT = 8192;
    private static final int NO_SLOT = SLOTS;
    private static final int PATIENCE = 4000; // rounds
    private static final long RAM = 1 << 20;
    private static final long BUFFERS = 1 << 18;
    private static final long WINDOW = 1L << 32;
    private static final int CC = 0x14;
    private static final int CSTS = 0x1c;
    private static final int ENABLE = 0x0046_0001;

    // Of vfio-user.
    private static final int VERSION = 1;
    private static final int MAP = 2;
    private static final int UNMAP = 3;
    private static final int SET_IRQS = 8;
    private static final int READ = 9;
    private static final int WRITE = 10;
    private static final int NO_REPLY = 0x10;

    private final SimulatedHost host;
    private final SplittableRandom random;
    private final Descriptor file = MemoryFile.create("guest", RAM);
    private final Mapping mapping = Mapping.map(file.number(), 0, RAM, true);
    private final MemorySegment ram = mapping.segment();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment out = arena.allocate(8192, 8);
    private final MemorySegment in = arena.allocate(8192, 8);
    private final MessageHeader header = MessageHeader.allocate(arena, 1, 0);
    private final Pair[] pairs = new Pair[PAIRS + 1];
    private final long[][] allowed = new long[SLOTS][1]; // generations that a slot may hold
    private final long[] writing = new long[SLOTS];
    private final boolean[] busy = new boolean[SLOTS];
    private Descriptor connection;
    private long generation;
    private int windows;
    private int nextId;
    int completions;

    private final class Pair {
        final int id;
        final Descriptor interrupt = EventFd.create();
        final int[] slots = new int[ENTRIES];
        int tail;
        int head;
        int phase;
        int outstanding;

        Pair(int id) {
            this.id = id;
        }

        long submissions() {
            return 8192L * id;
        }

        long answers() {
            return 8192L * id + 4096;
        }

        void restart() {
            ram.asSlice(submissions(), 8192).fill((byte) 0);
            Arrays.fill(slots, -1);
            tail = 0;
            head = 0;
            phase = 1;
            outstanding = 0;
            EventFd.drain(interrupt.number());
        }

        void put(int opcode, long prp, int slot, int... dwords) {
            long at = submissions() + 64L * tail;
            ram.asSlice(at, 64).fill((byte) 0);
            ram.set(JAVA_INT, at, opcode | tail << 16);
            ram.set(JAVA_INT, at + 4, id == 0 ? 0 : 1);
            ram.set(JAVA_LONG, at + 24, prp);
            ram.set(JAVA_LONG, at + 32, slot == NO_SLOT ? 0 : prp + 4096);
            for (int i = 0; i < dwords.length; i++) {
                ram.set(JAVA_INT, at + 40 + 4L * i, dwords[i]);
            }
            slots[tail] = slot;
            outstanding++;
            tail = (tail + 1) % ENTRIES;
        }

        void look() {
            if (EventFd.drain(interrupt.number()) == 0) {
                return;
            }
            int before = head;
            int last = ram.get(JAVA_INT, answers() + 16L * head + 12);
            while ((last >>> 16 & 1) == phase) {
                int command = last & 0xffff;
                check(last >>> 17 == 0, "queue " + id + ": status " + (last >>> 17));
                check(command < ENTRIES && slots[command] != -1, "completed twice: " + command);
                completed(slots[command]);
                slots[command] = -1;
                outstanding--;
                head = (head + 1) % ENTRIES;
                phase ^= head == 0 ? 1 : 0;
                last = ram.get(JAVA_INT, answers() + 16L * head + 12);
            }
            if (head != before) {
                post(0x1004 + 8L * id, head);
            }
        }

        void await() {
            for (int n = 0; outstanding > 0; n++) {
                check(n < PATIENCE, "queue " + id + ": never interrupted");
                host.step();
                look();
            }
        }
    }

    SimulatedGuest(SimulatedHost host, SplittableRandom random) {
        this.host = host;
        this.random = random;
        for (int id = 0; id <= PAIRS; id++) {
            pairs[id] = new Pair(id);
        }
        connection = connect();
    }

    static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    // ---- messages

    private static ByteBuffer payload(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private int send(int command, int flags, ByteBuffer payload, int... descriptors) {
        int size = 16 + payload.capacity();
        nextId = nextId + 1 & 0xffff;
        out.set(JAVA_SHORT_UNALIGNED, 0, (short) nextId);
        out.set(JAVA_SHORT_UNALIGNED, 2, (short) command);
        out.set(JAVA_INT_UNALIGNED, 4, size);
        out.set(JAVA_INT_UNALIGNED, 8, flags);
        out.set(JAVA_INT_UNALIGNED, 12, 0);
        MemorySegment.copy(MemorySegment.ofArray(payload.array()), 0, out, 16, payload.capacity());
        long sent = UnixSocket.send(connection.number(), out.address(), size, 0, descriptors);
        check(sent == size, "sent " + sent);
        return nextId;
    }

    private ByteBuffer request(int command, ByteBuffer payload, int... descriptors) {
        int id = send(command, 0, payload, descriptors);
        int got = 0;
        for (int n = 0; got < 16 || got < in.get(JAVA_INT_UNALIGNED, 4); n++) {
            check(n < PATIENCE, "request " + command + ": no reply");
            host.step();
            header.iovec(0, in.address() + got, in.byteSize() - got);
            long some =
                    UnixSocket.recvmsg(
                            connection.number(), header.address(), UnixSocket.MSG_DONTWAIT);
            check(some > 0 || some == -Errno.EAGAIN, "the connection ended: " + some);
            got += (int) Math.max(some, 0);
        }
        check(got == in.get(JAVA_INT_UNALIGNED, 4), "more than one reply");
        check((in.get(JAVA_SHORT_UNALIGNED, 0) & 0xffff) == id, "another one's reply");
        int errno = in.get(JAVA_INT_UNALIGNED, 12);
        check(in.get(JAVA_INT_UNALIGNED, 8) == 1 && errno == 0, command + ": errno " + errno);
        return payload(got - 16)
                .put(0, in.asSlice(16, got - 16).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
    }

    private static ByteBuffer access(int region, long offset, int bytes, long value) {
        ByteBuffer payload = payload(16 + bytes).putLong(offset).putInt(region).putInt(bytes);
        for (int i = 0; i < bytes; i++) {
            payload.put((byte) (value >>> 8 * i));
        }
        return payload;
    }

    private void write(int region, long offset, int bytes, long value) {
        request(WRITE, access(region, offset, bytes, value));
    }

    private void post(long offset, int value) {
        send(WRITE, NO_REPLY, access(0, offset, 4, value));
    }

    private int read(long offset) {
        return request(READ, payload(16).putLong(offset).putInt(0).putInt(4)).getInt(16);
    }

    private void awaitStatus(int mask, int wanted) {
        int status = read(CSTS);
        for (int n = 0; (status & mask) != wanted; n++) {
            check(n < PATIENCE && (status & 2) == 0, "CSTS " + status);
            host.step();
            status = read(CSTS);
        }
    }

    private void map(Descriptor memory, long address, long bytes) {
        ByteBuffer map = payload(32).putInt(32).putInt(3).putLong(0).putLong(address);
        request(MAP, map.putLong(bytes), memory.number());
    }

    private void unmap(long address, long bytes) {
        request(UNMAP, payload(24).putInt(24).putInt(0).putLong(address).putLong(bytes));
    }

    // ---- a machine's life

    private Descriptor connect() {
        return UnixSocket.connect(host.socket, UnixSocket.Type.STREAM);
    }

    void boot() {
        request(VERSION, payload(7).putInt(0).put((byte) '{').put((byte) '}').put((byte) 0));
        map(file, 0, RAM);
        write(7, 4, 2, 6);
        enable();
    }

    private void enable() {
        ByteBuffer vectors = payload(20).putInt(20).putInt(0x24).putInt(2).putInt(0);
        request(
                SET_IRQS,
                vectors.putInt(PAIRS + 1),
                Arrays.stream(pairs).mapToInt(pair -> pair.interrupt.number()).toArray());
        for (Pair pair : pairs) {
            pair.restart();
        }
        write(0, 0x24, 4, ENTRIES - 1 | ENTRIES - 1 << 16);
        write(0, 0x28, 8, pairs[0].submissions());
        write(0, 0x30, 8, pairs[0].answers());
        write(0, CC, 4, ENABLE);
        awaitStatus(1, 1);
        for (int id = 1; id <= PAIRS; id++) {
            admin(5, pairs[id].answers(), id | ENTRIES - 1 << 16, 3 | id << 16);
            admin(1, pairs[id].submissions(), id | ENTRIES - 1 << 16, 1 | id << 16);
        }
    }

    private void admin(int opcode, long prp, int... dwords) {
        pairs[0].put(opcode, prp, NO_SLOT, dwords);
        post(0x1000, pairs[0].tail);
        pairs[0].await();
    }

    /** The driver gives up what runs and begins anew. */
    void reset() {
        write(0, CC, 4, ENABLE & ~1);
        awaitStatus(1, 0);
        forget();
        enable();
    }

    /** The machine ends at once, with its connection, and another one comes. */
    void another() {
        connection.close();
        forget();
        connection = connect();
        windows = 0;
        boot();
    }

    void window() {
        if (windows == 0) {
            map(file, WINDOW, RAM);
        } else {
            unmap(WINDOW, RAM);
        }
        windows ^= 1;
    }

    // ---- blocks

    void submit() {
        Pair pair = pairs[1 + random.nextInt(PAIRS)];
        for (int n = random.nextInt(8); n > 0 && pair.outstanding < ENTRIES - 1; n--) {
            int slot = random.nextInt(SLOTS + 2);
            if (slot >= SLOTS) {
                pair.put(0, 0, NO_SLOT); // flush
            } else if (!busy[slot]) {
                begin(pair, slot, random.nextBoolean());
            }
        }
        post(0x1000 + 8L * pair.id, pair.tail);
    }

    private void begin(Pair pair, int slot, boolean write) {
        busy[slot] = true;
        writing[slot] = write ? ++generation : 0;
        long at = BUFFERS + (long) slot * SLOT;
        for (int i = 0; i < SLOT; i += 8) {
            ram.set(JAVA_LONG, at + i, word(slot, write ? generation : -1, i));
        }
        pair.put(write ? 1 : 2, at, slot, slot * (SLOT / 512), 0, SLOT / 512 - 1);
    }

    private static long word(int slot, long number, int at) {
        return number == 0 ? 0 : number * 0x9e37_79b9_7f4a_7c15L ^ (long) slot << 32 ^ at;
    }

    /** Where several generations are allowed, each word of it is of one of them. */
    private boolean holds(MemorySegment bytes, int slot) {
        boolean all = true;
        for (int i = 0; i < SLOT; i += 8) {
            long found = bytes.get(JAVA_LONG, i);
            boolean one = false;
            for (long generation : allowed[slot]) {
                one |= found == word(slot, generation, i);
            }
            all &= one;
        }
        return all;
    }

    private void completed(int slot) {
        completions++;
        if (slot == NO_SLOT) {
            return;
        }
        check(busy[slot], "slot " + slot + " completed twice");
        busy[slot] = false;
        if (writing[slot] != 0) {
            allowed[slot] = new long[] {writing[slot]};
        } else {
            MemorySegment found = ram.asSlice(BUFFERS + (long) slot * SLOT, SLOT);
            check(holds(found, slot), "read of slot " + slot);
        }
    }

    /** What ran when the controller was taken away was done or not, or in part. */
    private void forget() {
        for (int slot = 0; slot < SLOTS; slot++) {
            if (busy[slot] && writing[slot] != 0) {
                long[] more = Arrays.copyOf(allowed[slot], allowed[slot].length + 1);
                more[more.length - 1] = writing[slot];
                allowed[slot] = more;
            }
            busy[slot] = false;
        }
    }

    void look() {
        for (Pair pair : pairs) {
            pair.look();
        }
    }

    void drain() {
        for (Pair pair : pairs) {
            pair.await();
        }
    }

    // ---- what must hold after each event

    void checkAll() {
        for (int slot = 0; slot < SLOTS; slot++) {
            if (!busy[slot]) {
                MemorySegment found = host.disk.content.asSlice((long) slot * SLOT, SLOT);
                check(holds(found, slot), "content of slot " + slot);
            }
        }
        int descriptors = 3 + 1 + windows + PAIRS + 1;
        check(
                host.keeper.ownKeys().equals(host.keeper.heldKeys()),
                host.keeper.ownKeys() + " held as " + host.keeper.heldKeys());
        check(
                host.keeper.heldKeys().size() == descriptors,
                "expected %d held, found %s".formatted(descriptors, host.keeper.heldKeys()));
    }

    @Override
    public void close() {
        connection.close();
        for (Pair pair : pairs) {
            pair.interrupt.close();
        }
        mapping.close();
        file.close();
        arena.close();
    }
}
