package niter.ena;

import static niter.ena.Limits.LE64;

import java.lang.foreign.MemorySegment;
import niter.linux.Memory;
import org.jspecify.annotations.Nullable;

/**
 * Writes completions that were announced. A successor does it once more: the same bytes at the same
 * places, which the driver does not look at again before the ring comes round.
 */
final class CompletionPoster {
    /** Of an entry's first word. */
    private static final int PHASE = 1 << 24;

    private static final MemorySegment ALL = Memory.all();

    private final LiveState live;
    private final Queues queues;
    private final Interrupts interrupts;

    CompletionPoster(LiveState live, Queues queues, Interrupts interrupts) {
        this.live = live;
        this.queues = queues;
        this.interrupts = interrupts;
    }

    /** Sets an entry's first two words in the coming announcement; without the phase bit. */
    void entry(int entry, int first, int second) {
        live.memory().set(LE64, live.entries() + 16L * entry, pair(first, second));
    }

    /** The two words behind those, of an entry that has them. */
    void rest(int entry, int third, int fourth) {
        live.memory().set(LE64, live.entries() + 16L * entry + 8, pair(third, fourth));
    }

    private static long pair(int low, int high) {
        return low & 0xffff_ffffL | (long) high << Integer.SIZE;
    }

    /**
     * Announces the entries and posts them.
     *
     * @param consumed the submission queue's position after them
     */
    void post(Submission queue, int consumed, int count) {
        live.announce(
                queue.transmit ? LiveState.TRANSMITTED : LiveState.RECEIVED,
                queue.index,
                consumed,
                live.produced(queue.completion.index),
                count);
        complete(queue);
    }

    /** Posts what an earlier process announced. */
    void resume() {
        @Nullable Submission queue =
                live.announcedKind() == LiveState.TRANSMITTED
                        ? queues.transmit(live.announcedQueue())
                        : queues.receive(live.announcedQueue());
        if (queue == null || queue.completion.address == 0) {
            live.withdraw(); // the queue is gone
        } else {
            complete(queue);
        }
    }

    private void complete(Submission queue) {
        Completion completion = queue.completion;
        MemorySegment memory = live.memory();
        int first = live.announcedFirst();
        // The first one last: a driver that polls sees a packet as a whole.
        for (int i = live.announcedCount() - 1; i >= 0; i--) {
            long from = live.entries() + 16L * i;
            long to = completion.entry(first + i);
            int phase = completion.phase(first + i) * PHASE;
            if (completion.entryBytes >= Limits.RX_COMPLETION_BYTES) {
                ALL.set(LE64, to + 8, memory.get(LE64, from + 8));
            }
            GuestOrder.setLongRelease(to, memory.get(LE64, from) | phase);
        }
        live.apply(completion.index);
        live.withdraw();
        interrupts.posted(completion.vector, queue.transmit);
    }
}
