package niter.card.ebs;

import niter.linux.IoUring;

/** Requests through io_uring. */
final class RingQueue implements FileQueue, IoUring.Sink {
    private final int file;
    private final IoUring ring;
    private int queued;
    private Results results = (tag, result) -> {};

    /**
     * A ring of its own for the file.
     *
     * @param tags requests at once
     * @throws niter.linux.LinuxException if the kernel refuses
     */
    RingQueue(int file, int tags) {
        this.file = file;
        ring = IoUring.create(tags);
    }

    @Override
    public void read(int tag, long iovecs, int count, long offset) {
        ring.readv(file, iovecs, count, offset, 0, tag);
        queued++;
    }

    @Override
    public void write(int tag, long iovecs, int count, long offset, int flags) {
        ring.writev(file, iovecs, count, offset, flags, tag);
        queued++;
    }

    @Override
    public void fdatasync(int tag) {
        ring.fsync(file, true, tag);
        queued++;
    }

    @Override
    public void fallocate(int tag, int mode, long offset, long bytes) {
        ring.fallocate(file, mode, offset, bytes, tag);
        queued++;
    }

    @Override
    public void submit() {
        while (queued > 0) {
            int taken = ring.submit();
            queued -= taken;
            if (taken == 0) {
                Thread.yield(); // a signal, or the kernel is short of memory: nobody would wake us
            }
        }
    }

    @Override
    public int reap(Results results) {
        this.results = results;
        return ring.reap(this);
    }

    @Override
    public void completed(long userData, int result) {
        results.done((int) userData, result);
    }

    @Override
    public void await() {
        queued -= ring.submitAndWait(1);
    }

    @Override
    public int descriptor() {
        return ring.descriptor().number();
    }

    @Override
    public void close() {
        ring.close();
    }
}
