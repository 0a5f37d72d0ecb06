package niter.ena;

import niter.pcie.DmaMap;

/** Creation and destruction of queues; a transaction is open. A status is the answer. */
final class QueueCommands {
    private static final int TRANSMIT = 1;
    private static final int RECEIVE = 2;
    private static final int HOST_MEMORY = 1;

    private final SlotState slot;
    private final Interrupts interrupts;
    private final DmaMap dma;

    QueueCommands(SlotState slot, Interrupts interrupts, DmaMap dma) {
        this.slot = slot;
        this.interrupts = interrupts;
        this.dma = dma;
    }

    int createCompletion(AdminCommand command) {
        int words = command.u8(5) & 0x1f;
        int depth = command.u16(6);
        int vector = command.u32(8);
        long base = command.address(12);
        boolean sizes = words == 2 || words == 4 || words == 8;
        boolean known = vector == Limits.NO_VECTOR || vector >= 0 && vector < Limits.VECTORS;
        if (!sizes || !known || !isDepth(depth) || !granted(base, depth * words * 4L, true)) {
            return Status.ILLEGAL_PARAMETER;
        }
        for (int i = 0; i < Limits.COMPLETION_QUEUES; i++) {
            if (slot.completionEpoch(i) == 0) {
                slot.createCompletion(i, depth, words * 4, vector, base);
                command.answer16(8, i);
                command.answer16(10, depth);
                command.answer32(20, Register.UNMASK + 4 * i);
                return Status.SUCCESS;
            }
        }
        return Status.NO_RESOURCES;
    }

    int destroyCompletion(AdminCommand command) {
        int index = command.u16(4);
        if (index >= Limits.COMPLETION_QUEUES
                || slot.completionEpoch(index) == 0
                || isUsed(index)) {
            return Status.ILLEGAL_PARAMETER;
        }
        int vector = slot.completionVector(index);
        slot.destroyCompletion(index);
        for (int i = 0; i < Limits.COMPLETION_QUEUES; i++) {
            if (slot.completionEpoch(i) != 0 && slot.completionVector(i) == vector) {
                return Status.SUCCESS;
            }
        }
        if (vector != 0) {
            interrupts.release(vector);
        }
        return Status.SUCCESS;
    }

    int createSubmission(AdminCommand command) {
        int direction = command.u8(4) >>> 5;
        int placement = command.u8(6) & 0xf;
        int completion = command.u16(8);
        int depth = command.u16(10);
        long base = command.address(12);
        if (direction != TRANSMIT && direction != RECEIVE
                || placement != HOST_MEMORY
                || completion >= Limits.COMPLETION_QUEUES
                || slot.completionEpoch(completion) == 0
                || isUsed(completion)
                || !isDepth(depth)
                || depth > slot.completionDepth(completion)
                || !granted(base, (long) depth * Limits.DESCRIPTOR_BYTES, false)) {
            return Status.ILLEGAL_PARAMETER;
        }
        boolean transmit = direction == TRANSMIT;
        int entry = slot.completionEntryBytes(completion);
        if (!transmit && entry < Limits.RX_COMPLETION_BYTES) {
            return Status.ILLEGAL_PARAMETER;
        }
        for (int i = 0; i < Limits.PAIRS; i++) {
            if (slot.submissionEpoch(transmit, i) == 0) {
                slot.createSubmission(transmit, i, depth, completion, base);
                command.answer16(8, i);
                int doorbells = transmit ? Register.TX_DOORBELLS : Register.RX_DOORBELLS;
                command.answer32(12, doorbells + 4 * i);
                return Status.SUCCESS;
            }
        }
        return Status.NO_RESOURCES;
    }

    int destroySubmission(AdminCommand command) {
        int index = command.u16(4);
        int direction = command.u8(6) >>> 5;
        boolean transmit = direction == TRANSMIT;
        if (direction != TRANSMIT && direction != RECEIVE
                || index >= Limits.PAIRS
                || slot.submissionEpoch(transmit, index) == 0) {
            return Status.ILLEGAL_PARAMETER;
        }
        slot.destroySubmission(transmit, index);
        return Status.SUCCESS;
    }

    private boolean isUsed(int completion) {
        for (int i = 0; i < Limits.PAIRS; i++) {
            if (uses(true, i, completion) || uses(false, i, completion)) {
                return true;
            }
        }
        return false;
    }

    private boolean uses(boolean transmit, int index, int completion) {
        return slot.submissionEpoch(transmit, index) != 0
                && slot.submissionCompletion(transmit, index) == completion;
    }

    private static boolean isDepth(int depth) {
        return depth >= Limits.MIN_DEPTH
                && depth <= Limits.MAX_DEPTH
                && Integer.bitCount(depth) == 1;
    }

    /** Rings are accessed by aligned words. */
    private boolean granted(long base, long bytes, boolean write) {
        return (base & 7) == 0 && dma.address(base, bytes, write) != 0;
    }
}
