package niter.nvme;

/**
 * What is derived of a submission queue while this process serves it; its positions are in {@link
 * LiveState}, those of the admin queue in {@link SlotState}.
 */
final class SubmissionQueue {
    final int id;
    final int epoch;
    final int size;
    final long base;
    final CompletionQueue completion;

    /** Host address of the ring; 0 while the guest's memory is away. */
    long address;

    /** Commands in flight. */
    int outstanding;

    /** About to be deleted: nothing is fetched any more. */
    boolean draining;

    SubmissionQueue(int id, SlotState slot, CompletionQueue completion) {
        this.id = id;
        this.epoch = slot.submissionEpoch(id);
        this.size = slot.submissionSize(id);
        this.base = slot.submissionBase(id);
        this.completion = completion;
    }

    /** Both rings are there. */
    boolean reachable() {
        return address != 0 && completion.address != 0;
    }

    long bytes() {
        return (long) size * Limits.SUBMISSION_BYTES;
    }
}
