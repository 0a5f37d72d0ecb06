package niter.ena;

import niter.pcie.DmaMap;
import org.jspecify.annotations.Nullable;

/** The queues that exist, derived from the state; each keeps what it has while it lives. */
final class Queues {
    private final SlotState slot;
    private final LiveState live;
    private final @Nullable Completion[] completions =
            new @Nullable Completion[Limits.COMPLETION_QUEUES];
    private final @Nullable Submission[] transmits = new @Nullable Submission[Limits.PAIRS];
    private final @Nullable Submission[] receives = new @Nullable Submission[Limits.PAIRS];

    Queues(SlotState slot, LiveState live) {
        this.slot = slot;
        this.live = live;
    }

    /** After a commit that changed them, and at a take-over. */
    void refresh(DmaMap dma) {
        for (int i = 0; i < completions.length; i++) {
            int epoch = slot.completionEpoch(i);
            Completion old = completions[i];
            if (epoch == 0) {
                completions[i] = null;
            } else if (old == null || old.epoch != epoch) {
                completions[i] =
                        new Completion(
                                i,
                                epoch,
                                slot.completionDepth(i),
                                slot.completionEntryBytes(i),
                                slot.completionVector(i),
                                slot.completionBase(i));
                if (live.completionEpoch(i) != epoch) {
                    live.startCompletion(i, epoch);
                }
            }
        }
        refresh(true, transmits);
        refresh(false, receives);
        resolve(dma);
    }

    private void refresh(boolean transmit, @Nullable Submission[] queues) {
        for (int i = 0; i < queues.length; i++) {
            int epoch = slot.submissionEpoch(transmit, i);
            Submission old = queues[i];
            Completion completion =
                    epoch == 0 ? null : completions[slot.submissionCompletion(transmit, i)];
            if (completion == null) {
                queues[i] = null;
            } else if (old == null || old.epoch != epoch) {
                queues[i] =
                        new Submission(
                                transmit,
                                i,
                                epoch,
                                slot.submissionDepth(transmit, i),
                                slot.submissionBase(transmit, i),
                                completion);
                if (live.submissionEpoch(transmit, i) != epoch) {
                    live.startSubmission(transmit, i, epoch);
                }
            }
        }
    }

    /** Looks up host addresses again. */
    void resolve(DmaMap dma) {
        for (Completion queue : completions) {
            if (queue != null) {
                queue.address =
                        dma.address(queue.base, (long) queue.depth * queue.entryBytes, true);
            }
        }
        resolve(dma, transmits);
        resolve(dma, receives);
    }

    private static void resolve(DmaMap dma, @Nullable Submission[] queues) {
        for (Submission queue : queues) {
            if (queue != null) {
                long bytes = (long) queue.depth * Limits.DESCRIPTOR_BYTES;
                queue.address = dma.address(queue.base, bytes, false);
            }
        }
    }

    /** No queue is reachable until {@link #resolve}. */
    void forgetAddresses() {
        for (Completion queue : completions) {
            if (queue != null) {
                queue.address = 0;
            }
        }
    }

    @Nullable Submission transmit(int index) {
        return transmits[index];
    }

    @Nullable Submission receive(int index) {
        return receives[index];
    }

    @Nullable Completion completion(int index) {
        return completions[index];
    }

    /** Whether a vector has a completion queue. */
    boolean uses(int vector) {
        for (Completion queue : completions) {
            if (queue != null && queue.vector == vector) {
                return true;
            }
        }
        return false;
    }
}
