package niter.nvme;

/** Sizes that are the same for every controller, for its whole life. */
final class Limits {
    /** I/O queue pairs; FreeBSD panics if this changes over a reset. */
    static final int IO_QUEUES = 32;

    /** Queue pairs with the admin queue, and MSI-X vectors. */
    static final int QUEUES = IO_QUEUES + 1;

    /** Entries of an I/O queue; SeaBIOS takes a power of two for granted. */
    static final int QUEUE_ENTRIES = 1024;

    /** Commands in flight, over all I/O queues: the size of the in-flight table. */
    static final int TAGS = 256;

    /** Memory page size and everything's alignment: CC.MPS 0. */
    static final int PAGE_BYTES = 4096;

    /** Power of two, in pages: 256 KiB per command, as EBS has it. */
    static final int MDTS = 6;

    static final int TRANSFER_BYTES = PAGE_BYTES << MDTS;

    /** Segments of a transfer: it may begin anywhere in a page. */
    static final int SEGMENTS = (1 << MDTS) + 1;

    static final int BLOCK_SHIFT = 9;
    static final int BLOCK_BYTES = 1 << BLOCK_SHIFT;

    static final int SUBMISSION_BYTES = 64;
    static final int COMPLETION_BYTES = 16;

    /** Asynchronous Event Requests held at once. */
    static final int EVENT_REQUESTS = 1;

    static final int ERROR_ENTRIES = 16;

    private Limits() {}
}
