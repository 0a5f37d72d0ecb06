package niter.ena;

import java.lang.foreign.MemorySegment;
import niter.linux.Memory;
import niter.pcie.DmaMap;

/**
 * The admin queue: one command at a time. Its effects and its answer are one commit; the answer is
 * posted after it, and again by a successor that cannot know.
 */
final class AdminQueue {
    private static final MemorySegment ALL = Memory.all();
    private static final int FLAGS = 3; // of an answer: the phase bit, written last

    private final SlotState slot;
    private final LiveState live;
    private final Queues queues;
    private final QueueCommands queueCommands;
    private final Features features;
    private final Rss rss;
    private final Statistics statistics;
    private final Interrupts interrupts;
    private final AdminCommand command;
    private final DmaMap dma;
    private final Failure failure;

    AdminQueue(
            SlotState slot,
            LiveState live,
            Queues queues,
            QueueCommands queueCommands,
            Features features,
            Rss rss,
            Statistics statistics,
            Interrupts interrupts,
            DmaMap dma,
            Failure failure) {
        this.slot = slot;
        this.live = live;
        this.queues = queues;
        this.queueCommands = queueCommands;
        this.features = features;
        this.rss = rss;
        this.statistics = statistics;
        this.interrupts = interrupts;
        this.command = new AdminCommand(dma);
        this.dma = dma;
        this.failure = failure;
    }

    /** Posts what is due and executes commands; the amount of work done. */
    int run(int budget) {
        int work = 0;
        while (work < budget && step()) {
            work++;
        }
        return work;
    }

    private boolean step() {
        int depth = slot.caps(SlotState.Ring.ADMIN) & 0xffff;
        int answerDepth = slot.caps(SlotState.Ring.ANSWERS) & 0xffff;
        if (depth == 0 || answerDepth == 0) {
            return false;
        }
        long commands = ring(SlotState.Ring.ADMIN, depth, false);
        long answers = ring(SlotState.Ring.ANSWERS, answerDepth, true);
        if (commands == 0 || answers == 0) {
            return false;
        }
        if (slot.answers() != live.answersPosted()) {
            post(answers, answerDepth);
            return true;
        }
        int waiting = live.adminTail() - slot.answers() & 0xffff;
        if (waiting > depth) {
            failure.broken("admin queue of %d entries: tail %d".formatted(depth, live.adminTail()));
            return false;
        }
        if (waiting == 0) {
            return false;
        }
        int place = Integer.remainderUnsigned(slot.answers(), depth);
        command.read(commands + (long) place * Limits.ADMIN_BYTES);
        slot.begin();
        int status = execute();
        slot.answer(command.answer(status, slot.answers() + 1));
        slot.commit();
        if (changesQueues()) {
            queues.refresh(dma);
        } else if (command.opcode() == AdminCommand.SET_FEATURE) {
            rss.refresh();
        }
        return true;
    }

    private long ring(SlotState.Ring ring, int depth, boolean write) {
        if ((slot.base(ring) & 7) != 0) { // moved after its size was taken
            failure.broken("%s ring: expected it aligned to 8".formatted(ring));
            return 0;
        }
        return dma.address(slot.base(ring), (long) depth * Limits.ADMIN_BYTES, write);
    }

    private int execute() {
        return switch (command.opcode()) {
            case AdminCommand.CREATE_SQ -> queueCommands.createSubmission(command);
            case AdminCommand.DESTROY_SQ -> queueCommands.destroySubmission(command);
            case AdminCommand.CREATE_CQ -> queueCommands.createCompletion(command);
            case AdminCommand.DESTROY_CQ -> queueCommands.destroyCompletion(command);
            case AdminCommand.GET_FEATURE -> features.get(command);
            case AdminCommand.SET_FEATURE -> features.set(command);
            case AdminCommand.GET_STATS -> statistics.get(command);
            default -> Status.BAD_OPCODE;
        };
    }

    private boolean changesQueues() {
        return command.opcode() <= AdminCommand.DESTROY_CQ;
    }

    private void post(long ring, int depth) {
        int position = slot.answers() - 1;
        long entry = ring + (long) Integer.remainderUnsigned(position, depth) * Limits.ADMIN_BYTES;
        int phase = Integer.divideUnsigned(position, depth) & 1 ^ 1;
        MemorySegment answer = slot.answer();
        // All of it, then the word with the phase bit.
        MemorySegment.copy(answer, 4, ALL, entry + 4, Limits.ADMIN_BYTES - 4);
        int first = answer.get(Limits.LE32, 0) & 0x00ff_ffff | phase << 8 * FLAGS;
        GuestOrder.setIntRelease(entry, first);
        live.answersPosted(slot.answers());
        interrupts.management();
    }
}
