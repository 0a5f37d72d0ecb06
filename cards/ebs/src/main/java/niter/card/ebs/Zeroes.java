package niter.card.ebs;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.nvme.Namespace.Operation;
import org.jspecify.annotations.Nullable;

/** How ranges are zeroed: what the file system can, found out once. */
final class Zeroes {
    /** From the best to the one that always works. */
    enum Way {
        /** Unwritten blocks stay the file's. */
        ZERO_RANGE(FileIo.FALLOC_FL_ZERO_RANGE | FileIo.FALLOC_FL_KEEP_SIZE),
        /** The blocks go back to the file system. */
        PUNCH_HOLE(FileIo.FALLOC_FL_PUNCH_HOLE | FileIo.FALLOC_FL_KEEP_SIZE),
        /** Zeroes are written like any data. */
        WRITE(0);

        /** For fallocate(2). */
        final int mode;

        Way(int mode) {
            this.mode = mode;
        }
    }

    private static final Way[] WAYS = Way.values();
    private static final long BUFFER_BYTES = 256 << 10;

    private boolean zeroRange = true;
    private boolean punchHole = true;
    private @Nullable MemorySegment buffer; // most file systems never need it

    /** What to try first. */
    Way first(Operation operation) {
        Way best = operation == Operation.DEALLOCATE ? Way.PUNCH_HOLE : Way.ZERO_RANGE;
        return usable(best);
    }

    private Way usable(Way way) {
        return switch (way) {
            case ZERO_RANGE -> zeroRange ? way : usable(Way.PUNCH_HOLE);
            case PUNCH_HOLE -> punchHole ? way : Way.WRITE;
            case WRITE -> way;
        };
    }

    /** What to try after a fallocate, or null if its result is final. */
    @Nullable Way next(Way tried, long result) {
        if (result == -Errno.EINTR || result == -Errno.EAGAIN) {
            return tried;
        }
        if (result != -Errno.EOPNOTSUPP && result != -Errno.ENOSYS) {
            return null;
        }
        zeroRange &= tried != Way.ZERO_RANGE;
        punchHole &= tried != Way.PUNCH_HOLE;
        return usable(WAYS[tried.ordinal() + 1]);
    }

    /** One iovec over zeroes, as long as there are any and not longer than asked. */
    MemorySegment iovec(long lengthBytes) {
        MemorySegment zeroes = buffer;
        if (zeroes == null) {
            zeroes = Arena.ofAuto().allocate(BUFFER_BYTES);
            buffer = zeroes;
        }
        MemorySegment iovec = Arena.ofAuto().allocate(Iovecs.BYTES, Long.BYTES);
        Iovecs.set(iovec, 0, zeroes.address(), Math.min(lengthBytes, BUFFER_BYTES));
        return iovec;
    }
}
