package niter.nvme;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import niter.pcie.DmaMap;
import niter.pcie.Function;
import niter.pcie.FunctionState;

/**
 * A function without PCIe: native memory as the guest's, state of two slots, interrupts written
 * down. It outlives a controller, as a segment does. {@link #step} is called at each visit.
 */
final class FakeFunction implements Function, FunctionState, DmaMap {
    /** Where guest memory begins on the bus. */
    static final long BASE = 0x10_0000;

    final MemorySegment ram;
    final int[] interrupts = new int[Limits.QUEUES];
    final List<String> errors = new ArrayList<>();
    Runnable step = () -> {};
    Runnable resolving = () -> {}; // an address is looked up
    boolean busMaster = true;
    boolean outOfService;

    private final MemorySegment[] slots;
    private final MemorySegment live;
    private int valid;
    private boolean open;
    private int generation;
    private long hole; // a range that is not mapped
    private long holeBytes;

    FakeFunction(long ramBytes) {
        Arena arena = Arena.ofAuto();
        ram = arena.allocate(ramBytes, 4096);
        slots =
                new MemorySegment[] {
                    arena.allocate(SlotState.BYTES, 64), arena.allocate(SlotState.BYTES, 64)
                };
        live = arena.allocate(LiveState.BYTES, 64);
    }

    /** Takes a range away, or gives back the last one with 0 bytes. */
    void unmap(long iova, long bytes) {
        hole = iova;
        holeBytes = bytes;
        generation++;
    }

    /** The guest writes the command register. */
    void busMaster(NvmeController controller, boolean on) {
        begin();
        busMaster = on;
        controller.commandChanged(command());
        commit();
    }

    @Override
    public boolean isOutOfService() {
        return outOfService;
    }

    boolean transactionOpen() {
        return open;
    }

    /** What a killed process leaves: a transaction that never became valid. */
    void forgetTransaction() {
        open = false;
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
        return busMaster ? 6 : 2;
    }

    @Override
    public void interrupt(int vector) {
        step.run();
        if (busMaster) {
            interrupts[vector]++;
        }
    }

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
        errors.add(what);
    }

    @Override
    public MemorySegment current() {
        return slots[valid];
    }

    @Override
    public MemorySegment staged() {
        if (!open) {
            throw new IllegalStateException("no transaction is open");
        }
        return slots[valid ^ 1];
    }

    @Override
    public void begin() {
        step.run();
        if (open) {
            throw new IllegalStateException("a transaction is open");
        }
        slots[valid ^ 1].copyFrom(slots[valid]);
        open = true;
    }

    @Override
    public void commit() {
        step.run();
        if (!open) {
            throw new IllegalStateException("no transaction is open");
        }
        open = false;
        valid ^= 1;
        step.run();
    }

    @Override
    public MemorySegment live() {
        return live;
    }

    @Override
    public long address(long iova, long lengthBytes, boolean write) {
        resolving.run();
        if (lengthBytes <= 0
                || iova < BASE
                || lengthBytes > ram.byteSize()
                || iova - BASE > ram.byteSize() - lengthBytes) {
            return 0;
        }
        if (iova < hole + holeBytes && hole < iova + lengthBytes) {
            return 0;
        }
        return ram.address() + iova - BASE;
    }

    @Override
    public int generation() {
        return generation;
    }
}
