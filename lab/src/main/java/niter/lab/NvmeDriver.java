package niter.lab;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import niter.linux.Memory;
import niter.linux.UnixSocket;
import niter.pcie.FunctionClient;

/**
 * A driver of an NVMe function, in the steps that Linux takes: an interrupt for every queue pair,
 * and a completion queue is looked at only after its interrupt, so that one that was lost shows.
 * For one thread, except {@link #disconnect}.
 */
final class NvmeDriver implements AutoCloseable {
    /** Called between two steps of what takes several. */
    interface Steps {
        void passed() throws IOException;
    }

    /**
     * How the function is driven.
     *
     * @param queues I/O queue pairs, 1 to 32
     * @param entries of each of their queues, 2 to 1024
     * @param shadow whether doorbells are shadowed
     * @param poll whether completions are looked for without an interrupt
     * @param detachable whether the function is: it interrupts by messages
     */
    record Shape(int queues, int entries, boolean shadow, boolean poll, boolean detachable) {}

    /** Of the namespace's format. */
    static final int BLOCK_BYTES = 512;

    private static final int ADMIN_ENTRIES = 32;
    private static final int CONFIG = 7; // a region
    private static final long PATIENCE_NANOS = 30_000_000_000L;
    private static final long READY_PAUSE_NANOS = 1_000_000;

    // Registers of BAR 0.
    private static final int CC = 0x14;
    private static final int CSTS = 0x1c;
    private static final int AQA = 0x24;
    private static final int ASQ = 0x28;
    private static final int ACQ = 0x30;

    // Admin commands.
    private static final int DELETE_SUBMISSION = 0x00;
    private static final int CREATE_SUBMISSION = 0x01;
    private static final int DELETE_COMPLETION = 0x04;
    private static final int CREATE_COMPLETION = 0x05;
    private static final int IDENTIFY = 0x06;
    private static final int SET_FEATURES = 0x09;
    private static final int DOORBELL_BUFFER_CONFIG = 0x7c;
    private static final int NUMBER_OF_QUEUES = 0x07;

    /** I/O queue pairs; number 1 is the first. */
    final QueuePair[] queues;

    final Pulse pulse = new Pulse();

    private final FunctionClient client;
    private final Shape shape;
    private final Steps steps;
    private final GuestMemory memory;
    private final DriverDoorbells doorbells;
    private final QueuePair admin;
    private final long page;
    private final Interrupts interrupts;
    private int adminId;

    /**
     * Connects and brings the controller up.
     *
     * @param memory all that the function will reach
     */
    NvmeDriver(Path socket, GuestMemory memory, Shape shape, Steps steps) throws IOException {
        this.memory = memory;
        this.shape = shape;
        this.steps = steps;
        memory.allocate(4096); // address 0 is nobody's
        client = FunctionClient.connect(socket);
        doorbells = new DriverDoorbells(client, memory);
        page = memory.allocate(4096);
        admin = new QueuePair(0, ADMIN_ENTRIES, memory);
        queues = new QueuePair[shape.queues];
        for (int i = 0; i < queues.length; i++) {
            queues[i] = new QueuePair(i + 1, shape.entries, memory);
        }
        interrupts =
                shape.detachable
                        ? new MessageInterrupts(client, memory, shape.queues + 1)
                        : new EventfdInterrupts(client, shape.queues + 1);
        client.map(memory.file(), 0, 0, memory.bytes(), 3);
        client.write(CONFIG, 4, 2, 6); // memory and bus master
        start();
    }

    // ---- the controller

    /**
     * EN to 0 and everything made anew. What was in flight is given up: it may have been done or
     * not, and is not reported.
     */
    void reset() throws IOException {
        start();
    }

    private void start() throws IOException {
        write(CC, 0);
        awaitReady(0);
        doorbells.shadowed(false);
        admin.restart();
        interrupts.clear();
        write(AQA, ADMIN_ENTRIES - 1 | ADMIN_ENTRIES - 1 << 16);
        write(ASQ, (int) admin.submissions);
        write(ASQ + 4, 0);
        write(ACQ, (int) admin.completions);
        write(ACQ + 4, 0);
        write(CC, 0x0046_0000);
        write(CC, 0x0046_0001);
        awaitReady(1);
        interrupts.assign(
                1, this::answered); // Linux begins with one vector, frees it, and takes all
        int wanted = shape.queues - 1;
        int granted = command(SET_FEATURES, 0, 0, NUMBER_OF_QUEUES, wanted | wanted << 16);
        if ((granted & 0xffff) < wanted || granted >>> 16 < wanted) {
            throw new IOException("the controller grants fewer queues than " + shape.queues);
        }
        interrupts.disable();
        steps.passed();
        interrupts.assign(shape.queues + 1, this::answered);
        for (QueuePair queue : queues) {
            create(queue);
        }
        if (shape.shadow) {
            doorbells.clear();
            command(DOORBELL_BUFFER_CONFIG, doorbells.shadow, doorbells.eventIndexes, 0, 0);
            doorbells.shadowed(true);
        }
    }

    private void write(int register, int value) throws IOException {
        client.write(0, register, 4, value);
        pulse.beat();
        steps.passed();
    }

    private void awaitReady(int ready) throws IOException {
        long end = System.nanoTime() + PATIENCE_NANOS;
        long status = client.read(0, CSTS, 4);
        while ((status & 1) != ready || (status & 2) != 0) {
            pulse.beat();
            if ((status & 2) != 0 && ready == 1 || System.nanoTime() > end) {
                throw new IOException("CSTS is %#x, expected RDY %d".formatted(status, ready));
            }
            LockSupport.parkNanos(READY_PAUSE_NANOS);
            status = client.read(0, CSTS, 4);
        }
        pulse.beat();
        steps.passed();
    }

    private void answered() throws IOException {
        pulse.beat();
        steps.passed();
    }

    /** Makes both queues of a pair. */
    void create(QueuePair queue) throws IOException {
        doorbells.clear(queue.id);
        int size = queue.id | queue.entries - 1 << 16;
        command(CREATE_COMPLETION, queue.completions, 0, size, 3 | queue.id << 16);
        command(CREATE_SUBMISSION, queue.submissions, 0, size, 1 | queue.id << 16);
        queue.restart();
    }

    /** Deletes both; none of its commands is in flight. */
    void delete(QueuePair queue) throws IOException {
        command(DELETE_SUBMISSION, 0, 0, queue.id, 0);
        command(DELETE_COMPLETION, 0, 0, queue.id, 0);
    }

    /** The namespace's size in bytes. */
    long sizeBytes() throws IOException {
        int namespace = 1;
        command(IDENTIFY | namespace << 8, page, 0, 0, 0);
        return Memory.all().get(JAVA_LONG_UNALIGNED, memory.address(page)) * BLOCK_BYTES;
    }

    /** An admin command and its dword 0; an IOException where it fails. */
    private int command(int opcode, long prp1, long prp2, int dword10, int dword11)
            throws IOException {
        int id = adminId = adminId + 1 & 0xffff;
        admin.put(opcode & 0xff | id << 16, opcode >>> 8, prp1, prp2, dword10, dword11, 0);
        doorbells.tail(admin);
        steps.passed();
        awaitAdmin(opcode);
        int last = admin.last();
        int result = admin.result();
        admin.take();
        doorbells.head(admin);
        pulse.beat();
        if ((last & 0xffff) != id || last >>> 17 != 0) {
            throw new IOException(
                    "admin command %#x, id %d: completed as %d with status %#x"
                            .formatted(opcode, id, last & 0xffff, last >>> 17));
        }
        steps.passed();
        return result;
    }

    private void awaitAdmin(int opcode) throws IOException {
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (!interrupts.take(0) || !admin.isCompleted()) {
            long left = end - System.nanoTime();
            if (left <= 0) {
                throw new IOException(
                        "admin command %#x: no %s within 30 s"
                                .formatted(
                                        opcode, admin.isCompleted() ? "interrupt" : "completion"));
            }
            interrupts.await(left);
        }
    }

    // ---- I/O

    /** Tells the controller of what was put into the queue. */
    void ring(QueuePair queue) throws IOException {
        doorbells.tail(queue);
    }

    /** Tells it of what was taken. */
    void release(QueuePair queue) throws IOException {
        doorbells.head(queue);
        pulse.beat();
    }

    /** Whether the queue may be looked at: it has interrupted since the last time. */
    boolean isInterrupted(QueuePair queue) {
        return interrupts.take(queue.id) || shape.poll;
    }

    /**
     * Takes the interrupts that there are.
     *
     * @param nanos how long to wait for the first one
     */
    void await(long nanos) throws IOException {
        if (shape.poll) {
            Thread.onSpinWait();
            return;
        }
        interrupts.await(nanos);
    }

    /** Messages sent for doorbells. */
    long doorbellMessages() {
        return doorbells.posted();
    }

    /** Interrupts received. */
    long interrupts() {
        return interrupts.count();
    }

    // ---- the end

    /** Ends what waits for the controller with an exception; any thread may call this. */
    void disconnect() {
        UnixSocket.shutdown(client.socket().number());
    }

    @Override
    public void close() {
        client.close();
        interrupts.close();
    }
}
