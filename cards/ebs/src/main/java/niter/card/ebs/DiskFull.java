package niter.card.ebs;

import niter.linux.Errno;

/**
 * Notices that a volume's file system has run out of space, that it has some again, and that it
 * lost what was written. An overwrite succeeds on a full disk too, so it proves nothing: what
 * counts is that the file grew, or that the place is written now where a write failed.
 */
final class DiskFull {
    /** Receives the changes, on the function's thread: do not wait in it. */
    interface Listener {
        void diskFull();

        void diskSpaceAgain();

        /** A sync has failed: what was written before it may be gone. */
        void writesLost();
    }

    private static final long NOT_FULL = -1;

    private final Listener listener;
    private long failedOffset = NOT_FULL;
    private long leastAllocated;
    private boolean lost;

    DiskFull(Listener listener) {
        this.listener = listener;
    }

    /** Data of earlier writes are gone; said once. */
    void lostWrites() {
        if (!lost) {
            lost = true;
            listener.writesLost();
        }
    }

    static boolean isFull(int errno) {
        return errno == Errno.ENOSPC || errno == Errno.EDQUOT;
    }

    /** Whether the disk was full when it was last heard of. */
    boolean full() {
        return failedOffset != NOT_FULL;
    }

    /** A write found no space. */
    void failed(long offset, long allocatedBytes) {
        if (!full()) {
            listener.diskFull();
            leastAllocated = allocatedBytes;
        }
        failedOffset = offset;
    }

    /** A write succeeded while the disk was full. */
    void succeeded(long offset, long length, long allocatedBytes) {
        boolean again = offset <= failedOffset && failedOffset < offset + length;
        if (again || allocatedBytes > leastAllocated) {
            failedOffset = NOT_FULL;
            listener.diskSpaceAgain();
        } else {
            leastAllocated = allocatedBytes; // the guest gave something back
        }
    }
}
