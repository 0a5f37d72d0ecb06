package niter.lab;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.util.SplittableRandom;
import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.EventFd;
import niter.linux.Memory;
import niter.pcie.FunctionClient;

/**
 * A driver of an NVMe function without a guest, which goes through the phases of a machine's life.
 * It looks at a completion queue only when it was interrupted, and knows what each block must hold.
 */
final class FailpointGuest {
    static final int SLOTS = 64; // blocks of 4 KiB, each with at most one command under way
    static final int BLOCK = 4096;

    private static final MemorySegment ALL = Memory.all();
    private static final VarHandle INT = java.lang.foreign.ValueLayout.JAVA_INT.varHandle();
    private static final int ENTRIES = 32;
    private static final int PAIRS = 2;
    private static final int DEPTH = 12;
    private static final long PATIENCE_MILLIS = 60_000;
    private static final int CC = 0x14;
    private static final int CSTS = 0x1c;
    private static final int ENABLE = 0x0046_0001;
    private static final int SHUT_DOWN = 1 << 14;
    private static final long WINDOW = 1L << 32; // bus address of memory that comes and goes
    private static final int FLUSH = 0;
    private static final int WRITE = 1;
    private static final int READ = 2;

    private final Path socket;
    private final SplittableRandom random;
    private final GuestMemory memory = new GuestMemory(2 << 20);
    private final GuestMemory window = new GuestMemory(1 << 20);
    private final long buffers = memory.allocate((long) SLOTS * BLOCK);
    private final long page = memory.allocate(BLOCK);
    private final Pair[] pairs = new Pair[PAIRS + 1];
    private final long[] held = new long[SLOTS]; // generation that a block holds
    private final long[] maybe = new long[SLOTS]; // or this one: its write was cut off
    private final long[] writing = new long[SLOTS]; // generation under way; 0 for none
    private final boolean[] busy = new boolean[SLOTS];
    private long generation;
    private FunctionClient client;

    /** In the middle of each phase. */
    private final Midway midway;

    interface Midway {
        void reached() throws IOException;
    }

    private final class Pair {
        final int id;
        final long submissions = memory.allocate(64 * ENTRIES);
        final long completions = memory.allocate(16 * ENTRIES);
        final Descriptor interrupt = EventFd.create();
        final Epoll epoll = new Epoll();
        final int[] slots = new int[ENTRIES]; // by command id; -1 for none
        int tail;
        int head;
        int phase = 1;
        int outstanding;

        Pair(int id) {
            this.id = id;
            epoll.add(interrupt.number(), 1);
        }

        void restart() {
            ALL.asSlice(memory.address(completions), 16L * ENTRIES).fill((byte) 0);
            tail = 0;
            head = 0;
            phase = 1;
            outstanding = 0;
            java.util.Arrays.fill(slots, -1);
        }

        void put(int opcode, long prp, int slot, int dword10, int dword11, int dword12) {
            long at = memory.address(submissions) + 64L * tail;
            ALL.asSlice(at, 64).fill((byte) 0);
            ALL.set(JAVA_INT_UNALIGNED, at, opcode | tail << 16);
            ALL.set(JAVA_INT_UNALIGNED, at + 4, id == 0 ? 0 : 1);
            ALL.set(JAVA_LONG_UNALIGNED, at + 24, prp);
            ALL.set(JAVA_INT_UNALIGNED, at + 40, dword10);
            ALL.set(JAVA_INT_UNALIGNED, at + 44, dword11);
            ALL.set(JAVA_INT_UNALIGNED, at + 48, dword12);
            slots[tail] = slot;
            outstanding++;
            tail = (tail + 1) % ENTRIES;
        }

        void ring() throws IOException {
            VarHandle.releaseFence();
            client.post(0, 0x1000 + 8L * id, 4, tail);
        }

        /** Waits for interrupts until all has completed. */
        void await() throws IOException {
            long[] tokens = new long[1];
            while (outstanding > 0) {
                check(epoll.await(PATIENCE_MILLIS, tokens) == 1, "queue " + id + ": no interrupt");
                EventFd.drain(interrupt.number());
                takeAll();
            }
        }

        void takeAll() throws IOException {
            long at = memory.address(completions) + 16L * head;
            int last = (int) INT.getAcquire(ALL, at + 12);
            int before = head;
            while ((last >>> 16 & 1) == phase) {
                int command = last & 0xffff;
                check(last >>> 17 == 0, "queue " + id + ": status " + (last >>> 17));
                check(command < ENTRIES && slots[command] != -1, "completed twice: " + command);
                completed(slots[command]);
                slots[command] = -1;
                outstanding--;
                head = (head + 1) % ENTRIES;
                phase ^= head == 0 ? 1 : 0;
                at = memory.address(completions) + 16L * head;
                last = (int) INT.getAcquire(ALL, at + 12);
            }
            if (head != before) {
                client.post(0, 0x1004 + 8L * id, 4, head);
            }
        }
    }

    /** Slot of a command that touches no block. */
    private static final int NO_BLOCK = SLOTS;

    FailpointGuest(Path socket, SplittableRandom random, Midway midway) throws IOException {
        this.socket = socket;
        this.random = random;
        this.midway = midway;
        for (int id = 0; id <= PAIRS; id++) {
            pairs[id] = new Pair(id);
        }
        client = FunctionClient.connect(socket);
        client.close();
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    // ---- phases

    /** From nothing to a driver at work, as firmware and Linux do it. */
    void boot() throws IOException {
        client = FunctionClient.connect(socket);
        check(client.interrupts(2) > PAIRS, "vectors");
        client.readBytes(7, 0, 256);
        client.map(memory.file(), 0, 0, memory.bytes(), 3);
        client.write(7, 4, 2, 6); // memory and bus master
        midway.reached();
        enable();
        io();
    }

    private void enable() throws IOException {
        client.assign(0, pairs[0].interrupt, pairs[1].interrupt, pairs[2].interrupt);
        for (Pair pair : pairs) {
            pair.restart();
        }
        client.write(0, 0x24, 4, ENTRIES - 1 | ENTRIES - 1 << 16);
        client.write(0, 0x28, 8, pairs[0].submissions);
        client.write(0, 0x30, 8, pairs[0].completions);
        client.write(0, CC, 4, ENABLE);
        awaitStatus(1, 1);
        admin(6, page, 1, 0);
        for (int id = 1; id <= PAIRS; id++) {
            admin(5, pairs[id].completions, id | ENTRIES - 1 << 16, 3 | id << 16);
            admin(1, pairs[id].submissions, id | ENTRIES - 1 << 16, 1 | id << 16);
        }
    }

    private void admin(int opcode, long prp, int dword10, int dword11) throws IOException {
        pairs[0].put(opcode, prp, NO_BLOCK, dword10, dword11, 0);
        pairs[0].ring();
        pairs[0].await();
    }

    private void awaitStatus(int mask, int wanted) throws IOException {
        long end = System.nanoTime() + PATIENCE_MILLIS * 1_000_000;
        long status = client.read(0, CSTS, 4);
        while ((status & mask) != wanted) {
            check(System.nanoTime() < end && (status & 2) == 0, "CSTS " + status);
            status = client.read(0, CSTS, 4);
        }
    }

    void load() throws IOException {
        for (int round = 0; round < 4; round++) {
            io();
            if (round == 1) {
                midway.reached();
            }
        }
    }

    /** The driver gives up on commands that run, and begins anew. */
    void reset() throws IOException {
        submit();
        client.write(0, CC, 4, ENABLE & ~1);
        midway.reached();
        awaitStatus(1, 0);
        forget();
        for (Pair pair : pairs) {
            EventFd.drain(pair.interrupt.number());
        }
        enable();
        io();
    }

    /** What SeaBIOS does when it opens and closes the memory below 1 MiB: maps come and go. */
    void storm() throws IOException {
        submit();
        for (int round = 0; round < 8; round++) {
            client.map(window.file(), 0, WINDOW, window.bytes(), 3);
            client.map(window.file(), 0, WINDOW + (1 << 20), 0x8000, 1);
            if (round == 3) {
                midway.reached();
            }
            client.unmap(WINDOW + (1 << 20), 0x8000);
            client.unmap(WINDOW, window.bytes());
        }
        awaitAll();
    }

    /** The driver lets go, then the machine. */
    void tearDown() throws IOException {
        submit();
        awaitAll();
        admin(0, 0, 2, 0); // delete queues, submission first
        admin(4, 0, 2, 0);
        client.write(0, CC, 4, ENABLE | SHUT_DOWN);
        awaitStatus(0xc, 8);
        midway.reached();
        client.write(0, CC, 4, 0);
        awaitStatus(1, 0);
        client.disableInterrupts();
        client.write(7, 4, 2, 0);
        client.unmap(0, memory.bytes());
        client.close();
        for (Pair pair : pairs) {
            EventFd.drain(pair.interrupt.number());
        }
    }

    /** When this returns, whoever holds descriptors has given them to the keeper there is. */
    void holdSomething() throws IOException {
        client.map(window.file(), 0, WINDOW, window.bytes(), 3);
        client.unmap(WINDOW, window.bytes());
    }

    // ---- blocks

    private void io() throws IOException {
        submit();
        awaitAll();
    }

    private void awaitAll() throws IOException {
        for (int id = 1; id <= PAIRS; id++) {
            pairs[id].await();
        }
    }

    private void submit() throws IOException {
        for (int id = 1; id <= PAIRS; id++) {
            for (int n = 0; n < DEPTH; n++) {
                int slot = random.nextInt(SLOTS);
                if (n == DEPTH - 1) {
                    pairs[id].put(FLUSH, 0, NO_BLOCK, 0, 0, 0);
                } else if (!busy[slot]) {
                    begin(pairs[id], slot, maybe[slot] == held[slot] && random.nextBoolean());
                }
            }
            pairs[id].ring();
        }
    }

    private void begin(Pair pair, int slot, boolean write) {
        busy[slot] = true;
        writing[slot] = write ? ++generation : 0;
        fill(slot, write ? generation : -1);
        long prp = buffers + (long) slot * BLOCK;
        pair.put(write ? WRITE : READ, prp, slot, slot * (BLOCK / 512), 0, BLOCK / 512 - 1);
    }

    private void fill(int slot, long number) {
        long at = memory.address(buffers + (long) slot * BLOCK);
        for (int i = 0; i < BLOCK; i += 8) {
            ALL.set(JAVA_LONG_UNALIGNED, at + i, word(slot, number, i));
        }
    }

    /** A block that was never written holds zeroes: generation 0. */
    private static long word(int slot, long number, int at) {
        return number == 0 ? 0 : number * 0x9e37_79b9_7f4a_7c15L ^ (long) slot << 32 ^ at;
    }

    private boolean holds(int slot, long number) {
        long at = memory.address(buffers + (long) slot * BLOCK);
        boolean all = true;
        for (int i = 0; i < BLOCK; i += 8) {
            all &= ALL.get(JAVA_LONG_UNALIGNED, at + i) == word(slot, number, i);
        }
        return all;
    }

    private void completed(int slot) {
        if (slot == NO_BLOCK) {
            return;
        }
        check(busy[slot], "slot " + slot + " completed twice");
        busy[slot] = false;
        if (writing[slot] != 0) {
            held[slot] = writing[slot];
        } else {
            check(
                    holds(slot, held[slot]) || holds(slot, maybe[slot]),
                    "slot " + slot + " is not of generation " + held[slot]);
            if (!holds(slot, held[slot])) {
                held[slot] = maybe[slot];
            }
        }
        maybe[slot] = held[slot];
    }

    /** A reset cut off what ran: a block of 4 KiB is as it was or as it was to be. */
    private void forget() {
        for (int slot = 0; slot < SLOTS; slot++) {
            if (busy[slot] && writing[slot] != 0) {
                maybe[slot] = writing[slot];
            }
            busy[slot] = false;
        }
    }

    /** Reads all blocks. */
    void verify() throws IOException {
        for (int slot = 0; slot < SLOTS; slot++) {
            begin(pairs[1], slot, false);
            if (slot % DEPTH == DEPTH - 1 || slot == SLOTS - 1) {
                pairs[1].ring();
                pairs[1].await();
            }
        }
    }

    /** After its end. */
    void close() {
        memory.close();
        window.close();
        for (Pair pair : pairs) {
            pair.epoll.close();
            pair.interrupt.close();
        }
    }
}
