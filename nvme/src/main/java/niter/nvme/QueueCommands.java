package niter.nvme;

import java.lang.foreign.MemorySegment;

/** Create and delete I/O queues. NVMe Base 2.2, sections 5.2.1 to 5.2.4. In an open transaction. */
final class QueueCommands {
    private static final int CONTIGUOUS = 1;
    private static final int INTERRUPTS = 2;

    private final SlotState slot;

    QueueCommands(SlotState slot) {
        this.slot = slot;
    }

    Outcome createCompletion(MemorySegment command) {
        int dword10 = SubmissionEntry.dword(command, 0, 10);
        int dword11 = SubmissionEntry.dword(command, 0, 11);
        int id = dword10 & 0xffff;
        int entries = (dword10 >>> 16) + 1;
        boolean interrupts = (dword11 & INTERRUPTS) != 0;
        int vector = dword11 >>> 16;
        if (!exists(id) || slot.completionEpoch(id) != 0) {
            return Outcome.failed(Status.INVALID_QUEUE_ID);
        }
        int entrySize = slot.configuration() >>> 20 & 0xf; // CC.IOCQES
        if (badSize(entries) || 1 << entrySize != Limits.COMPLETION_BYTES) {
            return Outcome.failed(Status.INVALID_QUEUE_SIZE);
        }
        int failure = badPlace(command, dword11);
        if (failure != Status.SUCCESS) {
            return Outcome.failed(failure);
        }
        if (interrupts && vector >= Limits.QUEUES) {
            return Outcome.failed(Status.INVALID_VECTOR);
        }
        slot.createCompletion(id, entries, SubmissionEntry.prp1(command, 0), vector, interrupts);
        return Outcome.SUCCESS;
    }

    Outcome createSubmission(MemorySegment command) {
        int dword10 = SubmissionEntry.dword(command, 0, 10);
        int dword11 = SubmissionEntry.dword(command, 0, 11);
        int id = dword10 & 0xffff;
        int entries = (dword10 >>> 16) + 1;
        int completion = dword11 >>> 16;
        if (!exists(id) || slot.submissionEpoch(id) != 0) {
            return Outcome.failed(Status.INVALID_QUEUE_ID);
        }
        int entrySize = slot.configuration() >>> 16 & 0xf; // CC.IOSQES
        if (badSize(entries) || 1 << entrySize != Limits.SUBMISSION_BYTES) {
            return Outcome.failed(Status.INVALID_QUEUE_SIZE);
        }
        int failure = badPlace(command, dword11);
        if (failure != Status.SUCCESS) {
            return Outcome.failed(failure);
        }
        if (!exists(completion)) {
            return Outcome.failed(Status.INVALID_QUEUE_ID);
        }
        if (slot.completionEpoch(completion) == 0) {
            return Outcome.failed(Status.INVALID_COMPLETION_QUEUE);
        }
        slot.createSubmission(id, entries, SubmissionEntry.prp1(command, 0), completion);
        return Outcome.SUCCESS;
    }

    Outcome deleteSubmission(MemorySegment command) {
        int id = SubmissionEntry.dword(command, 0, 10) & 0xffff;
        if (!exists(id) || slot.submissionEpoch(id) == 0) {
            return Outcome.failed(Status.INVALID_QUEUE_ID);
        }
        slot.deleteSubmission(id);
        return Outcome.SUCCESS;
    }

    Outcome deleteCompletion(MemorySegment command) {
        int id = SubmissionEntry.dword(command, 0, 10) & 0xffff;
        if (!exists(id) || slot.completionEpoch(id) == 0) {
            return Outcome.failed(Status.INVALID_QUEUE_ID);
        }
        for (int queue = 1; queue < Limits.QUEUES; queue++) {
            if (slot.submissionEpoch(queue) != 0 && slot.submissionCompletion(queue) == id) {
                return Outcome.failed(Status.INVALID_QUEUE_DELETION);
            }
        }
        slot.deleteCompletion(id);
        return Outcome.SUCCESS;
    }

    private static boolean exists(int id) {
        return id >= 1 && id < Limits.QUEUES;
    }

    private static boolean badSize(int entries) {
        return entries < 2 || entries > Limits.QUEUE_ENTRIES;
    }

    private static int badPlace(MemorySegment command, int dword11) {
        if ((dword11 & CONTIGUOUS) == 0) { // CAP.CQR
            return Status.INVALID_FIELD;
        }
        return (SubmissionEntry.prp1(command, 0) & Limits.PAGE_BYTES - 1) != 0
                ? Status.PRP_OFFSET_INVALID
                : Status.SUCCESS;
    }
}
