package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import niter.linux.Memory;
import niter.pcie.DmaMap;

/**
 * Where tails and heads are read: BAR0, or the guest's doorbell buffers once it configured them
 * (Doorbell Buffer Config, NVMe Base 2.2, section 5.3.8). The admin queue's are always in BAR0.
 *
 * <p>What a guest writes into a buffer is checked by whoever reads it, each time.
 */
final class Doorbells {
    private static final VarHandle INT = LE32.varHandle();
    private static final MemorySegment HOST = Memory.all();

    private final SlotState slot;
    private final LiveState live;
    private boolean shadowed;
    private long shadow;
    private long eventIndex;

    Doorbells(SlotState slot, LiveState live) {
        this.slot = slot;
        this.live = live;
    }

    /** Looks up the buffers' host addresses. */
    void resolve(DmaMap dma) {
        shadowed = slot.shadowed();
        shadow = 0;
        eventIndex = 0;
        if (shadowed) {
            shadow = dma.address(slot.shadow(), Limits.PAGE_BYTES, true);
            eventIndex = dma.address(slot.eventIndex(), Limits.PAGE_BYTES, true);
        }
    }

    void forgetAddresses() {
        shadow = 0;
        eventIndex = 0;
    }

    /** Whether I/O doorbells can be read: buffers that are away are a pause. */
    boolean reachable() {
        return !shadowed || shadow != 0 && eventIndex != 0;
    }

    /** A submission queue's tail: any 32 bits. Entries before it may be read after this. */
    int tail(int queue) {
        return read(2 * queue);
    }

    /** A completion queue's head: any 32 bits. */
    int head(int queue) {
        return read(2 * queue + 1);
    }

    private int read(int index) {
        if (!shadowed || index < 2) {
            return live.doorbell(index);
        }
        return shadow == 0 ? 0 : (int) INT.getAcquire(HOST, shadow + 4L * index);
    }

    /**
     * Brings buffers that are about to count up to date. May be repeated.
     *
     * @param target host address of the new doorbell buffer
     */
    void copyTo(long target, Queues queues) {
        for (SubmissionQueue queue : queues.active) {
            INT.setRelease(HOST, target + 8L * queue.id, tail(queue.id));
        }
        for (CompletionQueue queue : queues.activeCompletions) {
            if (queue.id != 0) {
                INT.setRelease(HOST, target + 8L * queue.id + 4, head(queue.id));
            }
        }
    }

    /** A queue begins: its doorbells are 0 from birth. */
    void startSubmission(int queue) {
        start(2 * queue);
    }

    void startCompletion(int queue) {
        start(2 * queue + 1);
    }

    private void start(int index) {
        if (index >= 2 && shadow != 0 && eventIndex != 0) {
            INT.setRelease(HOST, shadow + 4L * index, 0);
            INT.setRelease(HOST, eventIndex + 4L * index, 0);
        }
    }

    /** Asks for a write to BAR0 when a tail leaves this value. {@link #fence} before re-reading. */
    void armTail(int queue, int tail) {
        arm(2 * queue, tail);
    }

    void armHead(int queue, int head) {
        arm(2 * queue + 1, head);
    }

    private void arm(int index, int value) {
        if (eventIndex != 0) {
            INT.setRelease(HOST, eventIndex + 4L * index, value);
        }
    }

    boolean shadowed() {
        return shadowed;
    }

    /** Event indexes are visible before what is read next is read. */
    static void fence() {
        VarHandle.fullFence();
    }
}
