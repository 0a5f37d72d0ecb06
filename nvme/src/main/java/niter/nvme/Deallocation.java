package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Dataset Management with its deallocate attribute. NVM Command Set 1.1, section 3.2.3. One command
 * at a time, range after range, each with the command's tag; others wait. Ranges are copied once,
 * all of them checked, and then used.
 */
final class Deallocation {
    /** DMRL: 0 limits nothing, a command carries 256 ranges at most. */
    static final int RANGES_LIMIT = 0;

    private static final int RANGE_BYTES = 16; // attributes u32, blocks u32, first block u64
    private static final int NONE = -1;

    private final Namespace namespace;
    private final LiveState live;
    private final HostBuffer host;
    private final MemorySegment ranges = Arena.ofAuto().allocate(256L * RANGE_BYTES, 8);
    private final int[] waiting = new int[Limits.TAGS];
    private int waitingFrom;
    private int waitingCount;
    private int active = NONE;
    private int count;
    private int next;
    private boolean running;
    private int error;

    Deallocation(Namespace namespace, LiveState live, HostBuffer host) {
        this.namespace = namespace;
        this.live = live;
        this.host = host;
    }

    /** Takes a command; {@link #advance} runs it. */
    void add(int tag) {
        waiting[(waitingFrom + waitingCount++) % waiting.length] = tag;
    }

    /** The running range is finished. */
    void finished(int errno) {
        running = false;
        error = errno;
    }

    /** The command whose turn it is, or -1 while a range is running or nothing waits. */
    int turn() {
        if (running) {
            return NONE;
        }
        return active != NONE ? active : waitingCount > 0 ? waiting[waitingFrom] : NONE;
    }

    /**
     * Goes on with the command whose {@link #turn} it is.
     *
     * @return {@link IoCommands#STARTED}, or the status to complete it with
     */
    int advance() {
        if (active == NONE) {
            active = waiting[waitingFrom];
            waitingFrom = (waitingFrom + 1) % waiting.length;
            waitingCount--;
            int status = read(active);
            if (status != Status.SUCCESS) {
                active = NONE;
                return status;
            }
        }
        if (error != 0) {
            int status = Status.of(error, false);
            active = NONE;
            return status;
        }
        while (next < count) {
            long at = (long) RANGE_BYTES * next++;
            long blocks = ranges.get(LE32, at + 4) & 0xffff_ffffL;
            if (blocks > 0) {
                running = true;
                namespace.prepare(
                        Namespace.Operation.DEALLOCATE,
                        active,
                        ranges.get(LE64, at + 8) << Limits.BLOCK_SHIFT,
                        blocks << Limits.BLOCK_SHIFT,
                        ranges,
                        0);
                return IoCommands.STARTED;
            }
        }
        active = NONE;
        return Status.SUCCESS;
    }

    private int read(int tag) {
        long at = live.command(tag);
        next = 0;
        error = 0;
        count = (SubmissionEntry.dword(live.memory(), at, 10) & 0xff) + 1;
        int status = host.read(live.memory(), at, ranges, 0, count * RANGE_BYTES);
        if (status != Status.SUCCESS) {
            return status;
        }
        long size = namespace.sizeBytes() >>> Limits.BLOCK_SHIFT;
        for (int n = 0; n < count; n++) {
            long blocks = ranges.get(LE32, (long) RANGE_BYTES * n + 4) & 0xffff_ffffL;
            long first = ranges.get(LE64, (long) RANGE_BYTES * n + 8);
            if (first < 0 || first > size - blocks) {
                return Status.LBA_OUT_OF_RANGE;
            }
        }
        return Status.SUCCESS;
    }

    /** Forgets everything; no range is running. */
    void forget() {
        waitingCount = 0;
        active = NONE;
        running = false;
    }
}
