package niter.nvme;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import niter.linux.Failpoint;
import niter.linux.Memory;
import niter.pcie.DmaMap;

/**
 * The admin queue: one command at a time. Its effects, the queue's head and its result are one
 * commit; the completion follows.
 */
final class AdminQueue {
    private final SlotState slot;
    private final LiveState live;
    private final Queues queues;
    private final Doorbells doorbells;
    private final CompletionPoster poster;
    private final AdminCommands commands;
    private final Events events;
    private final Namespace namespace;
    private final ErrorLog errors;
    private final DmaMap dma;
    private final Failure failure;
    private final MemorySegment command = Arena.ofAuto().allocate(Limits.SUBMISSION_BYTES, 8);

    AdminQueue(
            SlotState slot,
            LiveState live,
            Queues queues,
            Doorbells doorbells,
            CompletionPoster poster,
            AdminCommands commands,
            Events events,
            Namespace namespace,
            ErrorLog errors,
            DmaMap dma,
            Failure failure) {
        this.slot = slot;
        this.live = live;
        this.queues = queues;
        this.doorbells = doorbells;
        this.poster = poster;
        this.commands = commands;
        this.events = events;
        this.namespace = namespace;
        this.errors = errors;
        this.dma = dma;
        this.failure = failure;
    }

    /**
     * Posts what is due, delivers events, and executes commands.
     *
     * @param fetch false where the controller takes no more commands
     * @return the amount of work done
     */
    int run(int budget, boolean fetch) {
        SubmissionQueue queue = queues.submission(0);
        if (queue == null || !queue.reachable()) {
            return 0;
        }
        int work = 0;
        while (work < budget) {
            if (slot.resultNumber() != live.adminPosted()) {
                if (!poster.room(queue.completion)) {
                    break;
                }
                post(queue.completion);
            } else if (events.deliverable()) {
                slot.begin();
                events.deliver();
                slot.commit();
            } else if (!fetch || !next(queue)) {
                break;
            }
            work++;
        }
        return work;
    }

    private void post(CompletionQueue queue) {
        poster.post(
                queue,
                0,
                slot.adminHead(),
                slot.resultCommand(),
                slot.resultStatus(),
                slot.resultDword(),
                LiveState.NO_TAG);
        live.adminPosted(slot.resultNumber());
        live.withdraw();
    }

    private boolean next(SubmissionQueue queue) {
        int tail = doorbells.tail(0);
        if (tail < 0 || tail >= queue.size) {
            failure.broken("admin queue of %d entries: tail %d".formatted(queue.size, tail));
            return false;
        }
        int head = slot.adminHead();
        if (head == tail || !poster.room(queue.completion)) {
            return false;
        }
        MemorySegment.copy(
                Memory.all(),
                queue.address + (long) head * Limits.SUBMISSION_BYTES,
                command,
                0,
                Limits.SUBMISSION_BYTES);
        if (commands.mustWait(command)) {
            return false;
        }
        slot.begin();
        Outcome outcome = commands.execute(command, namespace.sizeBytes());
        slot.adminHead(head + 1 == queue.size ? 0 : head + 1);
        int id = SubmissionEntry.commandId(command, 0);
        switch (outcome) {
            case Outcome.Done(int dword) -> slot.result(id, dword, Status.SUCCESS);
            case Outcome.Failed(int status) -> {
                slot.result(id, 0, status);
                errors.add(0, id, status, 0, SubmissionEntry.namespaceId(command, 0));
            }
            case Outcome.Held() -> {} // an event completes it
        }
        slot.commit();
        Failpoint.ADMIN_EXECUTED.hit();
        if (AdminCommands.changesQueues(command)) {
            queues.refresh(dma);
        }
        return true;
    }
}
