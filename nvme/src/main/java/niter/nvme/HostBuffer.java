package niter.nvme;

import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import niter.linux.Memory;

/** Copies between a private buffer and the guest's buffer of one admin command. */
final class HostBuffer {
    private static final MemorySegment HOST = Memory.all();

    private final PrpReader prps;
    private final MemorySegment pairs = Arena.ofAuto().allocate(16L * Limits.SEGMENTS, 8);

    HostBuffer(PrpReader prps) {
        this.prps = prps;
    }

    /**
     * Writes to the guest; nothing is written unless all of it can be.
     *
     * @param command a private copy of the command, at {@code at}
     * @return a status
     */
    int write(MemorySegment command, long at, MemorySegment source, long sourceAt, int bytes) {
        int count = translate(command, at, bytes, true);
        if (count < 0) {
            return -count;
        }
        long done = 0;
        for (int n = 0; n < count; n++) {
            long length = pairs.get(LE64, 16L * n + 8);
            MemorySegment.copy(source, sourceAt + done, HOST, pairs.get(LE64, 16L * n), length);
            done += length;
        }
        return Status.SUCCESS;
    }

    /** Reads from the guest, once. @return a status */
    int read(MemorySegment command, long at, MemorySegment target, long targetAt, int bytes) {
        int count = translate(command, at, bytes, false);
        if (count < 0) {
            return -count;
        }
        long done = 0;
        for (int n = 0; n < count; n++) {
            long length = pairs.get(LE64, 16L * n + 8);
            MemorySegment.copy(HOST, pairs.get(LE64, 16L * n), target, targetAt + done, length);
            done += length;
        }
        return Status.SUCCESS;
    }

    private int translate(MemorySegment command, long at, int bytes, boolean write) {
        return prps.translate(
                SubmissionEntry.prp1(command, at),
                SubmissionEntry.prp2(command, at),
                bytes,
                write,
                pairs);
    }
}
