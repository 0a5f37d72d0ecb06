package niter.nvme;

import java.util.Arrays;
import niter.pcie.DmaMap;
import org.jspecify.annotations.Nullable;

/** The queues that exist, derived from the function's state; number 0 is the admin pair. */
final class Queues {
    private static final SubmissionQueue[] NONE = {};

    private final SlotState slot;
    private final LiveState live;
    private final Doorbells doorbells;
    private final @Nullable SubmissionQueue[] submissions =
            new @Nullable SubmissionQueue[Limits.QUEUES];
    private final @Nullable CompletionQueue[] completions =
            new @Nullable CompletionQueue[Limits.QUEUES];

    /** Submission queues that exist, without the admin queue. */
    SubmissionQueue[] active = NONE;

    /** Completion queues that exist. */
    CompletionQueue[] activeCompletions = {};

    Queues(SlotState slot, LiveState live, Doorbells doorbells) {
        this.slot = slot;
        this.live = live;
        this.doorbells = doorbells;
    }

    @Nullable SubmissionQueue submission(int id) {
        return id >= 0 && id < Limits.QUEUES ? submissions[id] : null;
    }

    @Nullable CompletionQueue completion(int id) {
        return id >= 0 && id < Limits.QUEUES ? completions[id] : null;
    }

    /**
     * Brings queues and their live state to what the slot says. To be repeated after every change
     * of the queue table, and at a take-over: it ends what a killed process had begun.
     */
    void refresh(DmaMap dma) {
        doorbells.resolve(dma);
        for (int id = 0; id < Limits.QUEUES; id++) {
            completions[id] = refreshCompletion(id);
        }
        for (int id = 0; id < Limits.QUEUES; id++) {
            submissions[id] = refreshSubmission(id);
        }
        active =
                Arrays.stream(submissions)
                        .filter(queue -> queue != null && queue.id != 0)
                        .toArray(SubmissionQueue[]::new);
        activeCompletions =
                Arrays.stream(completions)
                        .filter(queue -> queue != null)
                        .toArray(CompletionQueue[]::new);
        resolve(dma);
    }

    private @Nullable CompletionQueue refreshCompletion(int id) {
        int epoch = slot.completionEpoch(id);
        if (epoch == 0) {
            return null;
        }
        if (live.completionEpoch(id) != epoch) { // it begins, or a killed process began it
            live.startCompletion(id, epoch);
            doorbells.startCompletion(id);
        }
        CompletionQueue known = completions[id];
        return known != null && known.epoch == epoch ? known : new CompletionQueue(id, slot);
    }

    private @Nullable SubmissionQueue refreshSubmission(int id) {
        int epoch = slot.submissionEpoch(id);
        CompletionQueue completion = completion(slot.submissionCompletion(id));
        if (epoch == 0 || completion == null) {
            return null;
        }
        if (live.submissionEpoch(id) != epoch) { // it begins, or a killed process began it
            if (id == 0) {
                live.adminPosted(slot.resultNumber()); // an older result was for an older queue
            }
            live.startSubmission(id, epoch);
            doorbells.startSubmission(id);
        }
        SubmissionQueue known = submissions[id];
        return known != null && known.epoch == epoch
                ? known
                : new SubmissionQueue(id, slot, completion);
    }

    /** Looks up the rings' host addresses. A ring that is not there is a pause, not an error. */
    void resolve(DmaMap dma) {
        doorbells.resolve(dma);
        for (CompletionQueue queue : activeCompletions) {
            queue.address = dma.address(queue.base, queue.bytes(), true);
        }
        for (SubmissionQueue queue : submissions) {
            if (queue != null) {
                queue.address = dma.address(queue.base, queue.bytes(), false);
            }
        }
    }

    /** Host addresses are not to be used until {@link #resolve}. */
    void forgetAddresses() {
        doorbells.forgetAddresses();
        for (CompletionQueue queue : activeCompletions) {
            queue.address = 0;
        }
        for (SubmissionQueue queue : submissions) {
            if (queue != null) {
                queue.address = 0;
            }
        }
    }
}
