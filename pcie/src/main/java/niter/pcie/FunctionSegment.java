package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import niter.linux.Descriptor;
import niter.linux.Mapping;
import niter.linux.MemoryFile;

/**
 * A function's segment, mapped: the only place where a guest-visible state is kept. For the
 * function's thread, except {@link #isConnected}. {@link SegmentLayout} says where what lies.
 */
final class FunctionSegment implements FunctionState, AutoCloseable {
    private static final VarHandle INT = JAVA_INT.varHandle();
    private static final VarHandle LONG = JAVA_LONG.varHandle();

    private final SegmentLayout layout;
    private final Mapping mapping;
    private final MemorySegment memory;
    private final MemorySegment[] slots = new MemorySegment[2];
    private final MemorySegment[] deviceSlots = new MemorySegment[2];
    private final MemorySegment live;
    private final MemorySegment deviceLive;
    private boolean open; // the function's thread: begin was called, commit was not

    private FunctionSegment(Mapping mapping, SegmentLayout layout) {
        this.layout = layout;
        this.mapping = mapping;
        memory = mapping.segment();
        for (int i = 0; i < slots.length; i++) {
            slots[i] = memory.asSlice(layout.slot(i), layout.slotSize());
            deviceSlots[i] = slots[i].asSlice(layout.deviceSlot(), layout.slotBytes());
        }
        live = memory.asSlice(layout.live(), SegmentLayout.DEVICE_LIVE + layout.liveBytes());
        deviceLive = live.asSlice(SegmentLayout.DEVICE_LIVE, layout.liveBytes());
    }

    /** Memory for a new segment, still all zero. */
    static Descriptor allocate(String id, FunctionShape shape) {
        return MemoryFile.create("niter-" + id, SegmentLayout.of(shape).totalBytes());
    }

    /** Maps new memory and writes its header; valid once the first transaction is committed. */
    static FunctionSegment format(Descriptor file, FunctionShape shape) {
        SegmentLayout layout = SegmentLayout.of(shape);
        Mapping mapping = Mapping.map(file.number(), 0, layout.totalBytes(), true);
        MemorySegment memory = mapping.segment();
        memory.set(JAVA_INT, SegmentLayout.VERSION_AT, SegmentLayout.VERSION);
        memory.set(JAVA_INT, SegmentLayout.DEVICE_VERSION_AT, shape.layoutVersion());
        MemorySegment.copy(
                MemorySegment.ofArray(kind(shape)),
                0,
                memory,
                SegmentLayout.KIND_AT,
                SegmentLayout.KIND_BYTES);
        memory.set(JAVA_INT, SegmentLayout.VECTORS_AT, layout.vectors());
        memory.set(JAVA_LONG, SegmentLayout.SLOT_BYTES_AT, layout.slotBytes());
        memory.set(JAVA_LONG, SegmentLayout.LIVE_BYTES_AT, layout.liveBytes());
        memory.set(JAVA_INT, SegmentLayout.DETACHABLE_AT, shape.detachable() ? 1 : 0);
        VarHandle.releaseFence();
        memory.set(JAVA_LONG, SegmentLayout.MAGIC_AT, SegmentLayout.MAGIC);
        return new FunctionSegment(mapping, layout);
    }

    /**
     * Maps what another process left.
     *
     * @throws IOException if it is not a segment of this shape and version: nothing is guessed
     */
    static FunctionSegment takeOver(Descriptor file, FunctionShape shape) throws IOException {
        SegmentLayout layout = SegmentLayout.of(shape);
        long size = MemoryFile.size(file.number());
        if (size != layout.totalBytes()) {
            throw new IOException(
                    "segment has " + size + " bytes, expected " + layout.totalBytes());
        }
        Mapping mapping = Mapping.map(file.number(), 0, size, true);
        MemorySegment memory = mapping.segment();
        byte[] kind =
                memory.asSlice(SegmentLayout.KIND_AT, SegmentLayout.KIND_BYTES).toArray(JAVA_BYTE);
        boolean same =
                memory.get(JAVA_LONG, SegmentLayout.MAGIC_AT) == SegmentLayout.MAGIC
                        && isKnown(memory.get(JAVA_INT, SegmentLayout.VERSION_AT))
                        && memory.get(JAVA_INT, SegmentLayout.DETACHABLE_AT)
                                == (shape.detachable() ? 1 : 0)
                        && memory.get(JAVA_INT, SegmentLayout.DEVICE_VERSION_AT)
                                == shape.layoutVersion()
                        && Arrays.equals(kind, kind(shape))
                        && memory.get(JAVA_INT, SegmentLayout.VECTORS_AT) == layout.vectors()
                        && memory.get(JAVA_LONG, SegmentLayout.SLOT_BYTES_AT) == layout.slotBytes()
                        && memory.get(JAVA_LONG, SegmentLayout.LIVE_BYTES_AT) == layout.liveBytes();
        if (!same) {
            mapping.close();
            throw new IOException(
                    "segment is of another kind or version than "
                            + shape.kind()
                            + " "
                            + SegmentLayout.VERSION
                            + "."
                            + shape.layoutVersion());
        }
        return new FunctionSegment(mapping, layout);
    }

    /**
     * The previous one lies as this one does, so it stays what it is: an older process can go on.
     */
    private static boolean isKnown(int version) {
        return version == SegmentLayout.VERSION || version == SegmentLayout.PREVIOUS_VERSION;
    }

    private static byte[] kind(FunctionShape shape) {
        byte[] text = shape.kind().getBytes(StandardCharsets.US_ASCII);
        if (text.length > SegmentLayout.KIND_BYTES) {
            throw new IllegalArgumentException("kind is longer than 16: " + shape.kind());
        }
        return Arrays.copyOf(text, SegmentLayout.KIND_BYTES);
    }

    SegmentLayout layout() {
        return layout;
    }

    @Override
    public MemorySegment current() {
        return deviceSlots[valid()];
    }

    @Override
    public MemorySegment staged() {
        return deviceSlots[stagedIndex()];
    }

    @Override
    public MemorySegment live() {
        return deviceLive;
    }

    @Override
    public void begin() {
        if (open) {
            throw new IllegalStateException("a transaction is open");
        }
        int from = valid();
        MemorySegment source = slots[from];
        MemorySegment target = slots[from ^ 1];
        // Not the reply: it is written for each message anew.
        MemorySegment.copy(source, 0, target, 0, layout.reply());
        MemorySegment.copy(
                source, layout.deviceSlot(), target, layout.deviceSlot(), layout.slotBytes());
        target.set(JAVA_INT, SegmentLayout.REPLY_LENGTH, 0);
        open = true;
    }

    /** Forgets what was staged. */
    void abandon() {
        open = false;
    }

    boolean isOpen() {
        return open;
    }

    @Override
    public void commit() {
        int next = stagedIndex();
        open = false;
        // Release: all of the slot is written before the switch names it.
        INT.setRelease(memory, SegmentLayout.SWITCH_AT, next);
        VarHandle.fullFence(); // and nothing that follows happens before it is valid
    }

    private int valid() {
        return (int) INT.getAcquire(memory, SegmentLayout.SWITCH_AT) & 1;
    }

    private int stagedIndex() {
        if (!open) {
            throw new IllegalStateException("no transaction is open");
        }
        return valid() ^ 1;
    }

    /** The valid slot of the function's own state. */
    MemorySegment currentSlot() {
        return slots[valid()];
    }

    /** The staged slot of the function's own state. */
    MemorySegment stagedSlot() {
        return slots[stagedIndex()];
    }

    /** The staged slot while a transaction is open, else the valid one. */
    MemorySegment visibleSlot() {
        return open ? stagedSlot() : currentSlot();
    }

    /** The function's own live state. */
    MemorySegment liveState() {
        return live;
    }

    /** May be called by any thread. */
    boolean isConnected() {
        return currentSlot().get(JAVA_INT, SegmentLayout.CONNECTED) != 0;
    }

    /** Whether any vector has an eventfd. May be called by any thread. */
    boolean hasEventfds() {
        MemorySegment slot = currentSlot();
        for (int i = 0; i < layout.vectors(); i++) {
            if (slot.get(JAVA_LONG, SegmentLayout.VECTOR_TOKENS + 8L * i) != 0) {
                return true;
            }
        }
        return false;
    }

    long liveLong(long offset) {
        return (long) LONG.getAcquire(live, offset);
    }

    void liveLong(long offset, long value) {
        LONG.setRelease(live, offset, value);
    }

    @Override
    public void close() {
        mapping.close();
    }
}
