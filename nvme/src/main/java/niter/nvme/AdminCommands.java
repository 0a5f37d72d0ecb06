package niter.nvme;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import niter.pcie.DmaMap;

/** Admin commands, from a private copy, in an open transaction. NVMe Base 2.2, section 5. */
final class AdminCommands {
    private static final int DELETE_SUBMISSION_QUEUE = 0x00;
    private static final int CREATE_SUBMISSION_QUEUE = 0x01;
    private static final int GET_LOG_PAGE = 0x02;
    private static final int DELETE_COMPLETION_QUEUE = 0x04;
    private static final int CREATE_COMPLETION_QUEUE = 0x05;
    private static final int IDENTIFY = 0x06;
    private static final int ABORT = 0x08;
    private static final int SET_FEATURES = 0x09;
    private static final int GET_FEATURES = 0x0a;
    private static final int EVENT_REQUEST = 0x0c;
    private static final int DOORBELL_BUFFER_CONFIG = 0x7c;

    private static final int ALL_NAMESPACES = -1;
    private static final Outcome NOT_ABORTED = new Outcome.Done(1);

    private final SlotState slot;
    private final Queues queues;
    private final QueueCommands queueCommands;
    private final Features features;
    private final LogPages logPages;
    private final IdentifyData identify;
    private final HostBuffer host;
    private final Doorbells doorbells;
    private final DmaMap dma;
    private final MemorySegment page = Arena.ofAuto().allocate(IdentifyData.BYTES, 8);

    AdminCommands(
            SlotState slot,
            Queues queues,
            QueueCommands queueCommands,
            Features features,
            LogPages logPages,
            IdentifyData identify,
            HostBuffer host,
            Doorbells doorbells,
            DmaMap dma) {
        this.slot = slot;
        this.queues = queues;
        this.queueCommands = queueCommands;
        this.features = features;
        this.logPages = logPages;
        this.identify = identify;
        this.host = host;
        this.doorbells = doorbells;
        this.dma = dma;
    }

    /** Whether the command changes which queues or doorbells there are. */
    static boolean changesQueues(MemorySegment command) {
        return switch (SubmissionEntry.opcode(command, 0)) {
            case DELETE_SUBMISSION_QUEUE,
                    CREATE_SUBMISSION_QUEUE,
                    DELETE_COMPLETION_QUEUE,
                    CREATE_COMPLETION_QUEUE,
                    DOORBELL_BUFFER_CONFIG ->
                    true;
            default -> false;
        };
    }

    /**
     * Whether the command has to wait, unfetched: a submission queue is deleted once none of its
     * commands is in flight; until then it fetches no more. Outside of a transaction.
     */
    boolean mustWait(MemorySegment command) {
        if (SubmissionEntry.opcode(command, 0) != DELETE_SUBMISSION_QUEUE
                || SubmissionEntry.flags(command, 0) != 0) { // it fails, and the queue stays
            return false;
        }
        int id = SubmissionEntry.dword(command, 0, 10) & 0xffff;
        SubmissionQueue queue = id == 0 ? null : queues.submission(id);
        if (queue == null) {
            return false;
        }
        queue.draining = true;
        return queue.outstanding > 0;
    }

    /** Does what the command says. */
    Outcome execute(MemorySegment command, long namespaceBytes) {
        if (SubmissionEntry.flags(command, 0) != 0) {
            return Outcome.failed(Status.INVALID_FIELD);
        }
        return switch (SubmissionEntry.opcode(command, 0)) {
            case DELETE_SUBMISSION_QUEUE -> queueCommands.deleteSubmission(command);
            case CREATE_SUBMISSION_QUEUE -> queueCommands.createSubmission(command);
            case DELETE_COMPLETION_QUEUE -> queueCommands.deleteCompletion(command);
            case CREATE_COMPLETION_QUEUE -> queueCommands.createCompletion(command);
            case GET_LOG_PAGE -> logPages.get(command);
            case IDENTIFY -> identify(command, namespaceBytes >>> Limits.BLOCK_SHIFT);
            case ABORT -> NOT_ABORTED; // what was fetched runs to its end
            case SET_FEATURES -> features.set(command);
            case GET_FEATURES -> features.get(command);
            case EVENT_REQUEST -> eventRequest(command);
            case DOORBELL_BUFFER_CONFIG -> doorbellBuffers(command);
            default -> Outcome.failed(Status.INVALID_OPCODE);
        };
    }

    private Outcome identify(MemorySegment command, long blocks) {
        int id = SubmissionEntry.namespaceId(command, 0);
        int failure = Status.SUCCESS;
        switch (SubmissionEntry.dword(command, 0, 10) & 0xff) {
            case 0x00 -> {
                failure = id == 1 ? Status.SUCCESS : Status.INVALID_NAMESPACE;
                identify.namespace(page, blocks);
            }
            case 0x01 -> identify.controller(page);
            case 0x02 -> {
                failure =
                        id == ALL_NAMESPACES || id == ALL_NAMESPACES - 1
                                ? Status.INVALID_NAMESPACE
                                : Status.SUCCESS;
                IdentifyData.namespaces(page, id);
            }
            case 0x03 -> { // no identifiers, as EBS: the guest takes serial and NSID
                failure = id == 1 ? Status.SUCCESS : Status.INVALID_NAMESPACE;
                page.fill((byte) 0);
            }
            case 0x06 -> {
                failure =
                        SubmissionEntry.dword(command, 0, 11) >>> 24 == 0
                                ? Status.SUCCESS
                                : Status.INVALID_FIELD;
                identify.commandSetLimits(page);
            }
            default -> failure = Status.INVALID_FIELD;
        }
        if (failure == Status.SUCCESS) {
            failure = host.write(command, 0, page, 0, IdentifyData.BYTES);
        }
        return failure == Status.SUCCESS ? Outcome.SUCCESS : Outcome.failed(failure);
    }

    private Outcome eventRequest(MemorySegment command) {
        if (slot.eventRequests() >= Limits.EVENT_REQUESTS) {
            return Outcome.failed(Status.TOO_MANY_EVENT_REQUESTS);
        }
        slot.addEventRequest(SubmissionEntry.commandId(command, 0));
        return Outcome.HELD;
    }

    private Outcome doorbellBuffers(MemorySegment command) {
        long shadow = SubmissionEntry.prp1(command, 0);
        long eventIndex = SubmissionEntry.prp2(command, 0);
        if (((shadow | eventIndex) & Limits.PAGE_BYTES - 1) != 0 || shadow == eventIndex) {
            return Outcome.failed(Status.INVALID_FIELD);
        }
        long target = dma.address(shadow, Limits.PAGE_BYTES, true);
        if (target == 0 || dma.address(eventIndex, Limits.PAGE_BYTES, true) == 0) {
            return Outcome.failed(Status.INVALID_FIELD);
        }
        doorbells.copyTo(target, queues); // before the commit: a repetition does no harm
        slot.shadow(shadow, eventIndex);
        return Outcome.SUCCESS;
    }
}
