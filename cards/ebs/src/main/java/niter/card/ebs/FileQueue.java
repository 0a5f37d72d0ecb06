package niter.card.ebs;

/**
 * Requests against one open file, run in any order. For one thread; only {@link #await} and {@link
 * #close} wait, and nothing allocates once it was made. A tag has one request at a time.
 */
interface FileQueue extends AutoCloseable {
    /** Receives what is done, and may queue new requests. */
    interface Results {
        /**
         * A request is done.
         *
         * @param result bytes moved, 0, or a negated errno
         */
        void done(int tag, long result);
    }

    /** Queues preadv(2). The iovecs stay as they are until it is done. */
    void read(int tag, long iovecs, int count, long offset);

    /**
     * Queues pwritev2(2), as {@link #read}.
     *
     * @param flags 0 or RWF_DSYNC
     */
    void write(int tag, long iovecs, int count, long offset, int flags);

    /** Queues fdatasync(2): durable is what was done before, not what runs beside it. */
    void fdatasync(int tag);

    /** Queues fallocate(2). */
    void fallocate(int tag, int mode, long offset, long bytes);

    /** Starts what is queued. */
    void submit();

    /**
     * Delivers what is done.
     *
     * @return how many
     */
    int reap(Results results);

    /** Waits until something is done; there must be something that runs. */
    void await();

    /** Readable while something is done and not reaped. */
    int descriptor();

    /** Ends it; nothing may run any more. */
    @Override
    void close();
}
