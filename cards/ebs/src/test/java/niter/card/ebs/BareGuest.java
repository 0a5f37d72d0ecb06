package niter.card.ebs;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import niter.nvme.Namespace;
import niter.nvme.NvmeController;
import niter.nvme.NvmeIdentity;
import niter.nvme.NvmeOptions;
import niter.pcie.DmaMap;
import niter.pcie.Function;
import niter.pcie.FunctionState;

/**
 * A guest's driver that calls a real controller without a machine between them: one I/O queue, and
 * a buffer of two pages for each command.
 */
final class BareGuest implements Function, FunctionState, DmaMap {
    /** Commands at once. */
    static final int COMMANDS = 32;

    /** Of a command's buffer: the most that it transfers. */
    static final int BUFFER_BYTES = 8192;

    static final int FLUSH = 0;
    static final int WRITE = 1;
    static final int READ = 2;
    static final int WRITE_ZEROES = 8;
    static final int DATASET_MANAGEMENT = 9;
    static final int FORCE_UNIT_ACCESS = 1 << 30;

    private static final int ENTRIES = 64;
    private static final long BASE = 0x10_0000; // of memory, on the bus
    private static final int BUFFERS = 4 * 4096; // after the four rings
    private static final int DOORBELLS = 0x1000;

    /** Receives what has completed. */
    interface Completions {
        void completed(int command, int status);
    }

    final NvmeController controller;

    private final MemorySegment ram =
            Arena.ofAuto().allocate(BUFFERS + COMMANDS * BUFFER_BYTES, 4096);
    private final MemorySegment[] slots = new MemorySegment[2];
    private final MemorySegment live;
    private final int[] tails = new int[2]; // by queue
    private final int[] heads = new int[2];
    private int valid;

    /** Enables a controller over a namespace and makes its queue. */
    BareGuest(Namespace namespace) {
        NvmeIdentity identity = NvmeIdentity.ebs("vol-0123456789abcdef0", "/dev/sdf");
        controller = new NvmeController(identity, namespace, new NvmeOptions(true, true));
        for (int n = 0; n < slots.length; n++) {
            slots[n] = Arena.ofAuto().allocate(controller.shape().slotBytes(), 64);
        }
        live = Arena.ofAuto().allocate(controller.shape().liveBytes(), 64);
        controller.attach(this, false);
        write(0x24, 4, ENTRIES - 1 | ENTRIES - 1 << 16); // AQA
        write(0x28, 8, BASE); // ASQ
        write(0x30, 8, BASE + 4096); // ACQ
        write(0x14, 4, 0x46_0001); // CC.EN
        admin(0x05, BASE + 3 * 4096, 1 | ENTRIES - 1 << 16, 1); // completion queue, no interrupt
        admin(0x01, BASE + 2 * 4096, 1 | ENTRIES - 1 << 16, 1 | 1 << 16); // submission queue
    }

    /** Whether all writes are to be durable when they complete. */
    void writeThrough() {
        admin(0x09, 0, 0x06, 0);
    }

    private void admin(int opcode, long prp1, int dword10, int dword11) {
        MemorySegment entry = next(0, opcode, 0xffff);
        entry.set(JAVA_LONG, 24, prp1);
        entry.set(JAVA_INT, 40, dword10);
        entry.set(JAVA_INT, 44, dword11);
        ring(0);
        boolean[] done = {false};
        while (!done[0]) {
            controller.poll(64);
            take(
                    0,
                    (command, status) -> {
                        if (status != 0) {
                            throw new AssertionError("status %x".formatted(status));
                        }
                        done[0] = true;
                    });
        }
    }

    private MemorySegment next(int queue, int opcode, int command) {
        MemorySegment entry = ram.asSlice(8192L * queue + 64L * tails[queue], 64).fill((byte) 0);
        entry.set(JAVA_INT, 0, opcode | command << 16);
        entry.set(JAVA_INT, 4, queue); // the namespace, for I/O
        tails[queue] = (tails[queue] + 1) % ENTRIES;
        return entry;
    }

    private void ring(int queue) {
        controller.storeDoorbell(0, DOORBELLS + 8L * queue, 4, tails[queue]);
    }

    /** A command's buffer. */
    MemorySegment buffer(int command) {
        return ram.asSlice(BUFFERS + (long) command * BUFFER_BYTES, BUFFER_BYTES);
    }

    /** Submits a command whose buffer is filled. @param flags of dword 12 */
    void submit(int command, int opcode, int first, int blocks, int flags) {
        MemorySegment entry = next(1, opcode, command);
        long buffer = BASE + BUFFERS + (long) command * BUFFER_BYTES;
        entry.set(JAVA_LONG, 24, buffer);
        entry.set(JAVA_LONG, 32, buffer + 4096);
        if (opcode != FLUSH) {
            entry.set(JAVA_INT, 40, first);
            entry.set(JAVA_INT, 48, blocks - 1 | flags);
        }
        ring(1);
    }

    /** Deallocates two ranges that lie side by side. */
    void deallocate(int command, int first, int blocks, int firstOfSecond) {
        MemorySegment ranges = buffer(command);
        range(ranges, 0, first, firstOfSecond - first);
        range(ranges, 16, firstOfSecond, first + blocks - firstOfSecond);
        MemorySegment entry = next(1, DATASET_MANAGEMENT, command);
        entry.set(JAVA_LONG, 24, BASE + BUFFERS + (long) command * BUFFER_BYTES);
        entry.set(JAVA_INT, 40, 1); // two ranges
        entry.set(JAVA_INT, 44, 1 << 2); // deallocate
        ring(1);
    }

    private static void range(MemorySegment ranges, long at, int first, int blocks) {
        ranges.set(JAVA_INT, at, 0);
        ranges.set(JAVA_INT, at + 4, blocks);
        ranges.set(JAVA_LONG, at + 8, first);
    }

    /** Lets the controller work, and takes what has completed. */
    void poll(Completions completions) {
        controller.poll(64);
        take(1, completions);
    }

    private void take(int queue, Completions completions) {
        while (true) {
            int position = heads[queue];
            long at = 8192L * queue + 4096 + 16L * (position % ENTRIES);
            int last = ram.get(JAVA_INT, at + 12);
            int phase = position / ENTRIES & 1 ^ 1;
            if ((last >>> 16 & 1) != phase) {
                return;
            }
            heads[queue]++;
            int head = heads[queue] % ENTRIES;
            controller.storeDoorbell(0, DOORBELLS + 8L * queue + 4, 4, head);
            completions.completed(last & 0xffff, last >>> 17);
        }
    }

    /** Begins an orderly end: CC.SHN. */
    void shutDown() {
        write(0x14, 4, 0x46_4001);
    }

    /** CSTS.SHST: all that was completed is durable. */
    boolean isShutDown() {
        return (controller.readBar(0, 0x1c, 4) & 0xc) == 8;
    }

    private void write(int register, int bytes, long value) {
        begin();
        controller.writeBar(0, register, bytes, value);
        commit();
    }

    @Override
    public String id() {
        return "vol-0123456789abcdef0";
    }

    @Override
    public FunctionState state() {
        return this;
    }

    @Override
    public DmaMap dma() {
        return this;
    }

    @Override
    public int command() {
        return 6;
    }

    @Override
    public void interrupt(int vector) {}

    @Override
    public void enter() {}

    @Override
    public void leave() {}

    @Override
    public Error blame(Error e) {
        return e;
    }

    @Override
    public void fail(RuntimeException bug) {
        throw bug;
    }

    @Override
    public void watch(int descriptor) {}

    @Override
    public void guestError(String what) {
        throw new AssertionError(what);
    }

    @Override
    public MemorySegment current() {
        return slots[valid];
    }

    @Override
    public MemorySegment staged() {
        return slots[valid ^ 1];
    }

    @Override
    public void begin() {
        staged().copyFrom(current());
    }

    @Override
    public void commit() {
        valid ^= 1;
    }

    @Override
    public MemorySegment live() {
        return live;
    }

    @Override
    public long address(long iova, long lengthBytes, boolean write) {
        long offset = iova - BASE;
        return offset < 0 || offset > ram.byteSize() - lengthBytes ? 0 : ram.address() + offset;
    }

    @Override
    public int generation() {
        return 0;
    }
}
