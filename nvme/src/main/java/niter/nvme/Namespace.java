package niter.nvme;

import java.lang.foreign.MemorySegment;
import niter.linux.Errno;

/**
 * Where a namespace's blocks lie. Used from the function's thread only; nothing here blocks, except
 * {@link #quiesce}.
 */
public interface Namespace extends AutoCloseable {
    /** What to do. */
    enum Operation {
        READ,
        WRITE,
        /** Durable when it completes: Force Unit Access. */
        WRITE_FUA,
        FLUSH,
        /** The range reads as zeroes afterwards; space may stay allocated. */
        WRITE_ZEROES,
        /** As WRITE_ZEROES, durable when it completes. */
        WRITE_ZEROES_FUA,
        /** The range reads as zeroes afterwards and its space is given back. */
        DEALLOCATE
    }

    /**
     * Whether a failure means that data of earlier writes, which were completed, may be gone. The
     * kernel reports a failed writeback once, and the next sync succeeds without those data.
     */
    static boolean losesWrites(Operation operation, int errno) {
        return switch (operation) {
            case FLUSH ->
                    switch (errno) {
                        case 0, Errno.EINTR, Errno.EAGAIN, Errno.ENOMEM -> false;
                        default -> true;
                    };
            case WRITE_FUA, WRITE_ZEROES_FUA -> errno == Errno.EIO;
            default -> false;
        };
    }

    /** Size in bytes, a multiple of 512. */
    long sizeBytes();

    /** Commands that may be in flight at once; tags are 0 to this - 1. */
    int maxInFlight();

    /**
     * Queues an operation; it runs at the next {@link #submit}.
     *
     * @param tag names it in {@link Completions}; not in use now
     * @param iovecs pairs of u64 (host address, length in bytes), valid until completion; READ and
     *     WRITE only
     * @param count number of pairs
     */
    void prepare(
            Operation operation,
            int tag,
            long offsetBytes,
            long lengthBytes,
            MemorySegment iovecs,
            int count);

    /** Hands what was prepared to the kernel, in one system call at most. */
    void submit();

    /** Delivers what is finished, without waiting. @return how many */
    int reap(Completions completions);

    /** Waits until everything in flight is finished and delivers it. */
    void quiesce(Completions completions);

    /** Readable when there is something to reap. */
    int descriptor();

    @Override
    void close();

    /** Receives what is finished. */
    interface Completions {
        /**
         * @param errno 0 for success, else a Linux errno such as ENOSPC or EIO
         */
        void completed(int tag, int errno);
    }
}
