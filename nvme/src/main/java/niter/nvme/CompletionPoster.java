package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import niter.linux.Failpoint;
import niter.linux.Memory;
import niter.pcie.Function;

/**
 * Writes completion queue entries. NVMe Base 2.2, section 4.2: dword 0 result; 2 submission head
 * [15:0] and queue [31:16]; 3 command id [15:0], phase 16, status [31:17], written last.
 */
final class CompletionPoster {
    private static final VarHandle INT = LE32.varHandle();
    private static final MemorySegment HOST = Memory.all();

    private final LiveState live;
    private final Doorbells doorbells;
    private final Function function;
    private final Failure failure;

    CompletionPoster(LiveState live, Doorbells doorbells, Function function, Failure failure) {
        this.live = live;
        this.doorbells = doorbells;
        this.function = function;
        this.failure = failure;
    }

    /** Whether one more command may be fetched: its completion will find room. */
    boolean room(CompletionQueue queue) {
        int tail = live.completionTail(queue.id) & 0xffff;
        if (queue.room(tail) > 0) {
            return true;
        }
        int head = doorbells.head(queue.id);
        if (head < 0 || head >= queue.size) {
            failure.broken(
                    "completion queue %d of %d entries: head %d"
                            .formatted(queue.id, queue.size, head));
            return false;
        }
        queue.head = head;
        queue.blocked = queue.room(tail) <= 0;
        return !queue.blocked;
    }

    /**
     * Announces a completion and writes it. The caller moves on what belongs to the command and
     * ends with {@link LiveState#withdraw}. The ring is reachable and has room.
     *
     * @param tag of the entry in the in-flight table, or {@link LiveState#NO_TAG}
     * @param head the submission queue's head
     */
    void post(
            CompletionQueue queue,
            int submissionQueue,
            int head,
            int commandId,
            int status,
            int dword,
            int tag) {
        int position = live.completionTail(queue.id);
        int last = commandId | position & 0x1_0000 | status << 17;
        live.announce(queue.id, queue.epoch, position, tag, last);
        Failpoint.COMPLETION_ANNOUNCED.hit();
        long entry = queue.address + (long) (position & 0xffff) * Limits.COMPLETION_BYTES;
        HOST.set(LE32, entry, dword);
        HOST.set(LE32, entry + 4, 0);
        HOST.set(LE32, entry + 8, head | submissionQueue << 16);
        INT.setRelease(HOST, entry + 12, last);
        Failpoint.COMPLETION_WRITTEN.hit();
        live.posted(queue.id, after(position, queue.size));
        queue.unsignalled++;
    }

    /**
     * Whether the announced completion reached the guest. Phase alone proves nothing while queues
     * are being created: phase, command id and status decide.
     */
    boolean reachedGuest(CompletionQueue queue) {
        long entry =
                queue.address
                        + (long) (live.announcedPosition() & 0xffff) * Limits.COMPLETION_BYTES;
        return (int) INT.getAcquire(HOST, entry + 12) == live.announcedLast();
    }

    /** The tail after one more completion; the phase flips where the ring begins again. */
    static int after(int position, int size) {
        return (position & 0xffff) + 1 == size ? (position ^ 0x1_0000) & 0x1_0000 : position + 1;
    }

    /** Interrupts for what was posted, unless it is held back. */
    void signal(CompletionQueue queue, boolean moderate, long nowNanos) {
        if (queue.unsignalled > 0
                && (!moderate
                        || queue.moderation.due(queue.unsignalled, queue.outstanding, nowNanos))) {
            queue.unsignalled = 0;
            interrupt(queue);
        }
    }

    void interrupt(CompletionQueue queue) {
        if (queue.interrupts) {
            function.interrupt(queue.vector);
        }
    }
}
