package niter.lab;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import niter.linux.Memory;
import org.HdrHistogram.Histogram;

/**
 * Commands for an NVMe function, as many in flight as the job says, and a check of each that ends.
 * For the driver's thread.
 */
final class NvmeLoad {
    private static final int PAGE_BYTES = 4096;
    private static final long PATIENCE_NANOS = 30_000_000_000L;
    private static final int TRIES = 16;
    private static final int NONE = -1;

    /** Command ids: the slot in the low bits, as Linux has it, and a count above. */
    private static final int SLOT_BITS = 10;

    private static final int FLUSH = 0;
    private static final int WRITE = 1;
    private static final int READ = 2;
    private static final int FUA = 1 << 30;

    /** From submission, or from when it was due, to completion; nanoseconds. */
    final Histogram latency = new Histogram(2 * PATIENCE_NANOS, 3);

    private final NvmeDriver driver;
    private final GuestMemory memory;
    private final Job job;
    private final Contents contents;
    private final Findings findings;
    private final SplittableRandom random;
    private final long blocksPerBlock; // the namespace's in one of ours

    // By slot: queue by queue, depth each.
    private final long[] buffers;
    private final long[] lists;
    private final int[] ids; // NONE: free
    private final int[] operations;
    private final int[] blocks;
    private final int[] generations;
    private final boolean[] durable;
    private final long[] startedNanos;
    private final long[] flushFrom;
    private final long[] orders;

    // By queue.
    private final int[][] free;
    private final int[] freeCount;
    private final boolean[] held;
    private final long[] lastOrder;

    private long order; // counts submissions
    private long completed;
    private long outOfOrder;
    private int inFlight;
    private int next; // block of a sequential job, or of the reading back
    private boolean readingBack;
    private long dueNanos;

    NvmeLoad(
            NvmeDriver driver,
            GuestMemory memory,
            Job job,
            Contents contents,
            Findings findings,
            long seed) {
        this.driver = driver;
        this.memory = memory;
        this.job = job;
        this.contents = contents;
        this.findings = findings;
        random = new SplittableRandom(seed);
        blocksPerBlock = job.blockBytes() / NvmeDriver.BLOCK_BYTES;
        int slots = job.inFlight();
        buffers = new long[slots];
        lists = new long[slots];
        ids = new int[slots];
        operations = new int[slots];
        blocks = new int[slots];
        generations = new int[slots];
        durable = new boolean[slots];
        startedNanos = new long[slots];
        flushFrom = new long[slots];
        orders = new long[slots];
        free = new int[job.queues()][job.depth()];
        freeCount = new int[job.queues()];
        held = new boolean[job.queues()];
        lastOrder = new long[job.queues()];
        for (int slot = 0; slot < slots; slot++) {
            buffers[slot] = memory.allocate(job.blockBytes());
            lists[slot] = prp2(buffers[slot]);
        }
        abandon();
    }

    /** Guest memory that a job needs beside its driver's. */
    static long bytes(Job job) {
        return (long) job.inFlight() * (job.blockBytes() + 2L * PAGE_BYTES);
    }

    /** The second PRP of a transfer from there: a page, or a list of pages. */
    private long prp2(long buffer) {
        int pages = (job.blockBytes() + PAGE_BYTES - 1) / PAGE_BYTES;
        if (pages <= 2) {
            return pages == 2 ? buffer + PAGE_BYTES : 0;
        }
        long list = memory.allocate(PAGE_BYTES);
        for (int page = 1; page < pages; page++) {
            Memory.all()
                    .set(
                            JAVA_LONG_UNALIGNED,
                            memory.address(list) + 8L * (page - 1),
                            buffer + (long) page * PAGE_BYTES);
        }
        return list;
    }

    // ---- for whoever runs it

    /** All commands that are in flight are given up: a reset ended them, done or not. */
    void abandon() {
        Arrays.fill(ids, NONE);
        for (int queue = 0; queue < free.length; queue++) {
            for (int i = 0; i < job.depth(); i++) {
                free[queue][i] = job.depth() - 1 - i;
            }
            freeCount[queue] = job.depth();
        }
        for (int block = 0; block < contents.blocks(); block++) {
            contents.busy(block, false);
        }
        inFlight = 0;
    }

    /**
     * Takes what has completed and submits what is to be; waits where there is neither.
     *
     * @param submit whether new commands are wanted
     */
    void turn(boolean submit) throws IOException {
        turn(submit, PATIENCE_NANOS);
    }

    /** As the other, but waits so long at most. */
    void turn(boolean submit, long nanos) throws IOException {
        int work = 0;
        for (QueuePair queue : driver.queues) {
            if (driver.isInterrupted(queue)) {
                work += take(queue);
            }
        }
        long wait = nanos;
        if (submit) {
            for (QueuePair queue : driver.queues) {
                work += held[queue.id - 1] ? 0 : fill(queue);
            }
            wait = Math.min(nanos, untilDue());
        }
        driver.await(work == 0 ? wait : 0);
        if (inFlight > 0 && driver.pulse.silentNanos() > PATIENCE_NANOS) {
            throw new IOException("nothing is completed within 30 s: " + inFlight + " in flight");
        }
    }

    private long untilDue() {
        boolean waits = job.perSecond() > 0 && !readingBack;
        return waits ? Math.max(0, dueNanos - System.nanoTime()) : PATIENCE_NANOS;
    }

    /** Goes on for a while. */
    void run(double seconds) throws IOException {
        long end = System.nanoTime() + (long) (seconds * 1e9);
        dueNanos = System.nanoTime();
        while (System.nanoTime() < end) {
            turn(true);
        }
    }

    /** Waits until nothing is in flight. */
    void drain() throws IOException {
        while (inFlight > 0) {
            turn(false);
        }
    }

    /** Submits no more to one queue, and waits until nothing of it is in flight. */
    void hold(QueuePair queue) throws IOException {
        held[queue.id - 1] = true;
        while (freeCount[queue.id - 1] < job.depth()) {
            turn(true);
        }
    }

    void goOn(QueuePair queue) {
        held[queue.id - 1] = false;
    }

    /** Reads every block that was ever written, and checks it. Nothing else runs meanwhile. */
    void readBack() throws IOException {
        drain();
        int before = next;
        next = 0;
        readingBack = true;
        while (next < contents.blocks() || inFlight > 0) {
            turn(true);
        }
        readingBack = false;
        next = before;
    }

    /** How many commands were submitted. */
    long submitted() {
        return order;
    }

    /** Whether one of the first so many commands is in flight still. */
    boolean isInFlight(long first) {
        for (int slot = 0; slot < ids.length; slot++) {
            if (ids[slot] != NONE && orders[slot] <= first) {
                return true;
            }
        }
        return false;
    }

    int inFlight() {
        return inFlight;
    }

    long completed() {
        return completed;
    }

    /** Commands that completed after one that was submitted later to the same queue. */
    long outOfOrder() {
        return outOfOrder;
    }

    // ---- submission

    private int fill(QueuePair queue) throws IOException {
        int number = queue.id - 1;
        int count = 0;
        while (freeCount[number] > 0 && isDue() && submit(queue)) {
            count++;
        }
        if (count > 0) {
            driver.ring(queue);
        }
        return count;
    }

    private boolean isDue() {
        return job.perSecond() == 0 || readingBack || System.nanoTime() >= dueNanos;
    }

    private boolean submit(QueuePair queue) {
        int operation = operation();
        int block = operation == FLUSH ? NONE : block();
        if (operation != FLUSH && block == NONE) {
            return false;
        }
        int number = queue.id - 1;
        int local = free[number][--freeCount[number]];
        int slot = number * job.depth() + local;
        int id = (int) (order << SLOT_BITS & 0xffff) | local;
        ids[slot] = id;
        operations[slot] = operation;
        blocks[slot] = block;
        orders[slot] = ++order;
        inFlight++;
        startedNanos[slot] = System.nanoTime();
        if (job.perSecond() > 0 && !readingBack) {
            startedNanos[slot] = dueNanos;
            dueNanos += (long) (1e9 / job.perSecond());
        }
        put(queue, slot, operation | id << 16);
        return true;
    }

    private void put(QueuePair queue, int slot, int first) {
        int block = blocks[slot];
        if (block == NONE) {
            flushFrom[slot] = contents.now();
            queue.put(first, 1, 0, 0, 0, 0, 0);
            return;
        }
        boolean write = operations[slot] == WRITE;
        durable[slot] = write && random.nextInt(100) < job.fuaPercent();
        if (job.verify()) {
            contents.busy(block, true);
            generations[slot] = write ? contents.issue(block, data(slot)) : 0;
        }
        long start = block * blocksPerBlock;
        int length = (int) blocksPerBlock - 1 | (durable[slot] ? FUA : 0);
        int high = (int) (start >>> 32);
        queue.put(first, 1, buffers[slot], lists[slot], (int) start, high, length);
    }

    private MemorySegment data(int slot) {
        return memory.segment(buffers[slot], job.blockBytes());
    }

    private int operation() {
        if (readingBack) {
            return READ;
        }
        int drawn = random.nextInt(job.reads() + job.writes() + job.flushes());
        if (drawn < job.reads()) {
            return READ;
        }
        return drawn < job.reads() + job.writes() ? WRITE : FLUSH;
    }

    /** A block without a command, or NONE: they are to be waited for. */
    private int block() {
        if (readingBack) {
            while (next < contents.blocks() && !contents.isWritten(next)) {
                next++;
            }
            return next < contents.blocks() ? next++ : NONE;
        }
        for (int i = 0; i < TRIES; i++) {
            int block = next;
            if (job.sequential()) {
                next = next + 1 == contents.blocks() ? 0 : next + 1;
            } else {
                block = random.nextInt(contents.blocks());
            }
            if (!contents.isBusy(block)) {
                return block;
            }
        }
        return NONE;
    }

    // ---- completion

    private int take(QueuePair queue) throws IOException {
        int count = 0;
        while (queue.isCompleted()) {
            int last = queue.last();
            queue.take();
            complete(queue.id - 1, last & 0xffff, last >>> 17);
            count++;
        }
        if (count > 0) {
            driver.release(queue);
        }
        return count;
    }

    private void complete(int queue, int id, int status) {
        int local = id & (1 << SLOT_BITS) - 1;
        int slot = queue * job.depth() + local;
        if (local >= job.depth() || ids[slot] != id) {
            findings.error("queue %d: command %d completes unasked".formatted(queue + 1, id));
            return;
        }
        latency.recordValue(
                Math.clamp(System.nanoTime() - startedNanos[slot], 0, 2 * PATIENCE_NANOS));
        outOfOrder += orders[slot] < lastOrder[queue] ? 1 : 0;
        lastOrder[queue] = Math.max(lastOrder[queue], orders[slot]);
        ids[slot] = NONE;
        free[queue][freeCount[queue]++] = local;
        inFlight--;
        completed++;
        if (status != 0) {
            findings.error(
                    "queue %d: opcode %d of block %d: status %#x"
                            .formatted(queue + 1, operations[slot], blocks[slot], status));
        }
        if (job.verify()) {
            verify(slot, status);
        }
    }

    private void verify(int slot, int status) {
        int block = blocks[slot];
        if (block == NONE) {
            if (status == 0) {
                contents.flushed(flushFrom[slot]);
            }
            return;
        }
        contents.busy(block, false);
        if (status != 0) {
            return; // a write may have been done or not
        }
        if (operations[slot] == WRITE) {
            contents.acknowledge(block, generations[slot], durable[slot]);
        } else {
            contents.check(block, data(slot), findings);
        }
    }
}
