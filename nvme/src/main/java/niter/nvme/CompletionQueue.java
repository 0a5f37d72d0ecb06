package niter.nvme;

/**
 * What is derived of a completion queue while this process serves it; its positions are in {@link
 * LiveState}.
 */
final class CompletionQueue {
    final int id;
    final int epoch;
    final int size;
    final long base;
    final int vector;
    final boolean interrupts;
    final Moderation moderation;

    /** Host address of the ring; 0 while the guest's memory is away. */
    long address;

    /** Commands in flight that will complete here: each has an entry reserved. */
    int outstanding;

    /** Completions posted and not signalled. */
    int unsignalled;

    /** The guest's head when it was last looked at, or -1: there may be more room by now. */
    int head = -1;

    /** No room was found: the guest's next head is waited for. */
    boolean blocked;

    CompletionQueue(int id, SlotState slot) {
        this.id = id;
        this.epoch = slot.completionEpoch(id);
        this.size = slot.completionSize(id);
        this.base = slot.completionBase(id);
        this.vector = slot.completionVector(id);
        this.interrupts = slot.completionInterrupts(id);
        this.moderation = new Moderation();
    }

    /** Entries free for commands that are not in flight yet, by the last known head. */
    int room(int tail) {
        if (head < 0) {
            return 0;
        }
        int used = tail - head;
        if (used < 0) {
            used += size;
        }
        return size - 1 - used - outstanding;
    }

    long bytes() {
        return (long) size * Limits.COMPLETION_BYTES;
    }
}
