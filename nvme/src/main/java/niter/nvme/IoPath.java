package niter.nvme;

import java.util.function.LongSupplier;
import niter.linux.Errno;
import niter.linux.Failpoint;
import niter.linux.Memory;
import niter.pcie.Function;

/**
 * I/O queues: commands out of the rings, completions into them. Runs to completion, allocates
 * nothing, and may be killed between any two lines (see {@link LiveState}).
 */
final class IoPath implements Namespace.Completions {
    private static final int NONE = -1;

    /**
     * Commands that are fetched and submitted together. So few that a guest of some depth refills
     * its ring while the rest is served: otherwise both sides take turns in sleeping.
     */
    private static final int BATCH = 16;

    private final LiveState live;
    private final Queues queues;
    private final Doorbells doorbells;
    private final CompletionPoster poster;
    private final InFlight inFlight;
    private final IoCommands commands;
    private final Deallocation deallocation;
    private final Namespace namespace;
    private final ErrorLog errors;
    private final Function function;
    private final Failure failure;
    private final LongSupplier clock;

    private int first; // whose turn it is among the submission queues
    private int done; // entries that are finished and wait for their completion
    private boolean prepared;
    private boolean discarding;
    private int flushTag = NONE;
    private int flushError = NONE;
    private long nowNanos;
    private long touched; // so that no compiler leaves the reading out

    IoPath(
            LiveState live,
            Queues queues,
            Doorbells doorbells,
            CompletionPoster poster,
            InFlight inFlight,
            IoCommands commands,
            Deallocation deallocation,
            Namespace namespace,
            ErrorLog errors,
            Function function,
            Failure failure,
            LongSupplier clock) {
        this.live = live;
        this.queues = queues;
        this.doorbells = doorbells;
        this.poster = poster;
        this.inFlight = inFlight;
        this.commands = commands;
        this.deallocation = deallocation;
        this.namespace = namespace;
        this.errors = errors;
        this.function = function;
        this.failure = failure;
        this.clock = clock;
    }

    /** Operations that still may reach guest memory. */
    int running() {
        return commands.running();
    }

    /** Completions are dropped from here on: a reset is under way, or the controller failed. */
    void discarding(boolean on) {
        discarding = on;
    }

    /** Nothing is in flight any more. */
    void forget() {
        inFlight.rebuild(inFlight.limit(), queues);
        deallocation.forget();
        done = 0;
        flushTag = NONE;
        flushError = NONE;
        discarding = false;
    }

    /** Waits until nothing of ours is in flight. */
    void quiesce() {
        nowNanos = clock.getAsLong();
        namespace.quiesce(this);
    }

    /** Delivers what the namespace has finished. */
    int reap() {
        nowNanos = clock.getAsLong();
        return namespace.reap(this);
    }

    /** Goes on with what waits, then fetches. @return the amount of work done */
    int run(int budget, boolean fetch) {
        int work = postDone() + deallocate();
        if (fetch && doorbells.reachable()) {
            work += fetchAll(budget);
        }
        if (prepared) {
            prepared = false;
            namespace.submit();
            Failpoint.COMMAND_SUBMITTED.hit();
            nowNanos = clock.getAsLong();
            work += namespace.reap(this);
        }
        return work;
    }

    private int fetchAll(int budget) {
        SubmissionQueue[] active = queues.active;
        if (active.length == 0) {
            return 0;
        }
        int work = 0;
        first = first + 1 >= active.length ? 0 : first + 1;
        int share = Math.max(1, Math.min(budget, BATCH) / active.length);
        for (int n = 0; n < active.length; n++) {
            int at = first + n;
            work += fetch(active[at >= active.length ? at - active.length : at], share);
        }
        return work;
    }

    private int fetch(SubmissionQueue queue, int budget) {
        if (!queue.reachable() || queue.draining || discarding) {
            return 0;
        }
        int tail = doorbells.tail(queue.id); // read once, checked, then used
        if (tail < 0 || tail >= queue.size) {
            failure.broken(
                    "submission queue %d of %d entries: tail %d"
                            .formatted(queue.id, queue.size, tail));
            return 0;
        }
        long position = live.fetched(queue.id);
        int head = (int) position & 0xffff;
        touch(queue, head, tail, budget);
        int work = 0;
        while (head != tail && work < budget && poster.room(queue.completion)) {
            int tag = inFlight.take();
            if (tag < 0) {
                break;
            }
            long from = queue.address + (long) head * Limits.SUBMISSION_BYTES;
            head = head + 1 == queue.size ? 0 : head + 1;
            position = (position >>> 16) + 1 << 16 | head;
            live.enter(tag, queue.id, queue.epoch, position, nowNanos, Memory.all(), from);
            live.fetched(queue.id, position);
            Failpoint.COMMAND_FETCHED.hit();
            queue.outstanding++;
            queue.completion.outstanding++;
            start(tag);
            work++;
        }
        if (work > 0) {
            queue.completion.moderation.submitted(nowNanos);
        }
        return work;
    }

    /**
     * Reads a word of each entry that is about to be copied, and decides nothing by it: the guest's
     * CPU wrote them last, and so they are waited for together, not one by one.
     */
    private void touch(SubmissionQueue queue, int head, int tail, int most) {
        int at = head;
        long words = 0;
        for (int n = 0; at != tail && n < most; n++) {
            long address = queue.address + (long) at * Limits.SUBMISSION_BYTES;
            words += Memory.all().get(SubmissionEntry.LE64, address);
            at = at + 1 == queue.size ? 0 : at + 1;
        }
        touched = words;
    }

    private void start(int tag) {
        int status = commands.start(tag);
        if (status == IoCommands.STARTED) {
            prepared = true;
        } else {
            complete(tag, status);
        }
    }

    private int deallocate() {
        int work = 0;
        for (int tag = deallocation.turn(); tag != NONE; tag = deallocation.turn()) {
            int status = commands.advance();
            if (status == IoCommands.STARTED) {
                prepared = true;
            } else {
                complete(tag, status);
            }
            work++;
        }
        return work;
    }

    @Override
    public void completed(int tag, int errno) {
        Failpoint.COMMAND_DATA_DONE.hit();
        if (tag == flushTag) {
            commands.flushed(errno);
            flushError = errno;
            return;
        }
        int status = commands.finished(tag, errno, nowNanos);
        if (status != IoCommands.STARTED) {
            complete(tag, status);
        }
    }

    private void complete(int tag, int status) {
        SubmissionQueue queue = queues.submission(live.entryQueue(tag));
        if (discarding || queue == null) {
            return; // a reset frees all tags at once
        }
        if (status != Status.SUCCESS) {
            logError(tag, queue, status);
        }
        if (queue.completion.address == 0 || !function.busMaster()) {
            live.finish(tag, status);
            done++;
        } else {
            post(tag, queue, status);
        }
    }

    private void post(int tag, SubmissionQueue queue, int status) {
        int commandId = SubmissionEntry.commandId(live.memory(), live.command(tag));
        int head = (int) live.fetched(queue.id) & 0xffff;
        queue.outstanding--;
        queue.completion.outstanding--;
        poster.post(queue.completion, queue.id, head, commandId, status, 0, tag);
        live.leave(tag);
        Failpoint.COMMAND_LEFT.hit();
        live.withdraw();
        inFlight.giveBack(tag);
    }

    private void logError(int tag, SubmissionQueue queue, int status) {
        long at = live.command(tag);
        errors.add(
                queue.id,
                SubmissionEntry.commandId(live.memory(), at),
                status,
                SubmissionEntry.startingBlock(live.memory(), at),
                SubmissionEntry.namespaceId(live.memory(), at));
    }

    /** Posts what had to wait for the guest's memory. */
    private int postDone() {
        if (done == 0 || !function.busMaster()) {
            return 0;
        }
        int work = 0;
        for (int tag = 0; tag < inFlight.limit(); tag++) {
            if (live.entryState(tag) != LiveState.DONE || !inFlight.occupied(tag, queues)) {
                continue;
            }
            SubmissionQueue queue = queues.submission(live.entryQueue(tag));
            if (queue != null && queue.completion.address != 0) {
                post(tag, queue, live.entryStatus(tag));
                done--;
                work++;
            }
        }
        return work;
    }

    /**
     * After a take-over: an announced completion is looked for in the guest's ring.
     *
     * @return false while that ring is away
     */
    boolean resolveIntent(SlotState slot) {
        CompletionQueue queue = queues.completion(live.announcedQueue());
        if (queue != null && queue.epoch == live.announcedEpoch()) {
            if (queue.address == 0) {
                return false;
            }
            if (poster.reachedGuest(queue)) {
                live.posted(queue.id, CompletionPoster.after(live.announcedPosition(), queue.size));
                if (live.announcedTag() == LiveState.NO_TAG) {
                    live.adminPosted(slot.resultNumber());
                } else {
                    live.leave(live.announcedTag());
                }
            }
        }
        live.withdraw();
        return true;
    }

    /** After a take-over, the intent resolved: everything that is in flight is issued again. */
    void reissue() {
        inFlight.rebuild(inFlight.limit(), queues);
        for (int tag = 0; tag < inFlight.limit(); tag++) {
            if (!inFlight.occupied(tag, queues)) {
                continue;
            }
            int id = live.entryQueue(tag);
            SubmissionQueue queue = queues.submission(id);
            if (queue == null) {
                continue;
            }
            queue.outstanding++;
            queue.completion.outstanding++;
            if (live.entryFetched(tag) >>> 16 > live.fetched(id) >>> 16) {
                live.fetched(id, live.entryFetched(tag)); // the kill came before the position moved
            }
        }
        for (int tag = 0; tag < inFlight.limit(); tag++) {
            if (inFlight.occupied(tag, queues)) {
                if (live.entryState(tag) == LiveState.DONE) {
                    done++;
                } else {
                    start(tag);
                }
            }
        }
    }

    /**
     * Makes all that was completed durable, once nothing is in flight.
     *
     * @return a Linux errno or 0 when it is finished, -1 before
     */
    int flush() {
        if (flushError != NONE) {
            return flushError;
        }
        if (live.writesLost()) {
            return Errno.EIO;
        }
        if (flushTag == NONE && inFlight.used() == 0) {
            flushTag = inFlight.take();
            commands.flush(flushTag);
            namespace.submit();
        }
        return NONE;
    }

    /** Interrupts for what was posted, queue by queue; I/O queues may be moderated. */
    void signal(boolean moderate) {
        for (CompletionQueue queue : queues.activeCompletions) {
            poster.signal(queue, moderate && queue.id != 0, nowNanos);
        }
    }

    /** After a take-over nobody knows which interrupts were lost. */
    void signalAll() {
        for (CompletionQueue queue : queues.activeCompletions) {
            queue.unsignalled = 0;
            poster.interrupt(queue);
        }
    }

    /**
     * Asks for a doorbell where the guest's next step is waited for. @return false to poll again
     */
    boolean arm() {
        if (!doorbells.shadowed() || !doorbells.reachable()) {
            return true;
        }
        for (SubmissionQueue queue : queues.active) {
            doorbells.armTail(queue.id, (int) live.fetched(queue.id) & 0xffff);
            if (queue.completion.blocked) {
                doorbells.armHead(queue.completion.id, queue.completion.head);
            }
        }
        Doorbells.fence();
        for (SubmissionQueue queue : queues.active) {
            CompletionQueue completion = queue.completion;
            int armed = completion.head;
            if (completion.blocked && !poster.room(completion)) {
                if (completion.head != armed) {
                    return false; // it moved, but not enough: to be armed anew
                }
            } else if (fetchable(queue)) {
                return false;
            }
        }
        return true;
    }

    /** Whether polling again would fetch: not what waits for memory, a tag or a deletion. */
    private boolean fetchable(SubmissionQueue queue) {
        return queue.reachable()
                && !queue.draining
                && inFlight.used() < inFlight.limit()
                && doorbells.tail(queue.id) != ((int) live.fetched(queue.id) & 0xffff);
    }

    /** Nanoseconds until a held-back interrupt is due. */
    long untilDue() {
        long least = Long.MAX_VALUE;
        for (CompletionQueue queue : queues.activeCompletions) {
            if (queue.unsignalled > 0 && queue.moderation.holding()) {
                long left = queue.moderation.deadlineNanos() - clock.getAsLong();
                least = Math.min(least, Math.max(0, left));
            }
        }
        return least;
    }
}
