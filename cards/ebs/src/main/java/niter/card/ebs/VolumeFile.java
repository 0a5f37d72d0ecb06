package niter.card.ebs;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.linux.LinuxException;
import niter.nvme.Namespace;
import org.jspecify.annotations.Nullable;

/**
 * A volume: a sparse file whose size never changes. It is locked while it is open, so that it has
 * one writer. Nothing allocates per command, except where the kernel moves fewer bytes than asked,
 * or cannot make zeroes itself.
 */
final class VolumeFile implements Namespace, FileQueue.Results {
    /** Commands at once: as many as Linux puts into a queue. */
    static final int MAX_IN_FLIGHT = 1024;

    private static final System.Logger LOG = System.getLogger(VolumeFile.class.getName());
    private static final Completions NOBODY = (tag, errno) -> {};

    private final Descriptor file;
    private final long sizeBytes;
    private final FileQueue queue;
    private final DiskFull disk;
    private final Zeroes zeroes = new Zeroes();

    // By tag.
    private final @Nullable Operation[] operations = new Operation[MAX_IN_FLIGHT];
    private final long[] offsets = new long[MAX_IN_FLIGHT];
    private final long[] lengths = new long[MAX_IN_FLIGHT];
    private final long[] moved = new long[MAX_IN_FLIGHT];
    private final MemorySegment[] iovecs = new MemorySegment[MAX_IN_FLIGHT];
    private final int[] counts = new int[MAX_IN_FLIGHT];
    private final Zeroes.Way[] ways = new Zeroes.Way[MAX_IN_FLIGHT];
    private final boolean[] syncing = new boolean[MAX_IN_FLIGHT]; // zeroes that are to be durable

    private Completions receiver = NOBODY;
    private int inFlight;
    private int delivered;

    private VolumeFile(Descriptor file, FileQueue queue, DiskFull.Listener listener) {
        this.file = file;
        this.queue = queue;
        sizeBytes = FileIo.size(file.number());
        disk = new DiskFull(listener);
        Arrays.fill(iovecs, MemorySegment.NULL);
        Arrays.fill(ways, Zeroes.Way.WRITE);
    }

    /**
     * Opens and locks a volume.
     *
     * @param patienceMillis how long to wait for late writes of a process that was killed
     * @throws RefusedException if another function serves it
     * @throws LinuxException if it cannot be opened
     */
    static VolumeFile open(Path path, long patienceMillis, DiskFull.Listener listener)
            throws RefusedException {
        Descriptor file =
                FileIo.open(path, FileIo.O_RDWR | FileIo.O_NOFOLLOW | FileIo.O_NOATIME, 0);
        try {
            if (!VolumeLock.take(file, patienceMillis)) {
                throw new RefusedException(path.getFileName() + ": another function serves it");
            }
            return over(file, queue(file.number()), listener);
        } catch (RefusedException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** A volume over an open, locked file, which it owns from now on. */
    static VolumeFile over(Descriptor file, FileQueue queue, DiskFull.Listener listener) {
        return new VolumeFile(file, queue, listener);
    }

    private static FileQueue queue(int file) {
        try {
            return new RingQueue(file, MAX_IN_FLIGHT);
        } catch (LinuxException e) {
            return switch (e.errno()) {
                case Errno.EPERM, Errno.EACCES, Errno.ENOSYS, Errno.ENOMEM -> {
                    LOG.log(System.Logger.Level.INFO, "threads instead: {0}", e.getMessage());
                    yield new PoolQueue(file, MAX_IN_FLIGHT);
                }
                default -> throw e;
            };
        }
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public int maxInFlight() {
        return MAX_IN_FLIGHT;
    }

    @Override
    public int descriptor() {
        return queue.descriptor();
    }

    @Override
    public void prepare(
            Operation operation,
            int tag,
            long offsetBytes,
            long lengthBytes,
            MemorySegment iovecs,
            int count) {
        if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes > sizeBytes - lengthBytes) {
            throw new IllegalArgumentException(offsetBytes + " + " + lengthBytes);
        }
        if (operations[tag] != null) {
            throw new IllegalStateException("tag " + tag + " is in use");
        }
        operations[tag] = operation;
        offsets[tag] = offsetBytes;
        lengths[tag] = lengthBytes;
        moved[tag] = 0;
        this.iovecs[tag] = iovecs;
        counts[tag] = count;
        inFlight++;
        switch (operation) {
            case READ, WRITE, WRITE_FUA -> transfer(tag, operation);
            case FLUSH -> queue.fdatasync(tag);
            case WRITE_ZEROES, WRITE_ZEROES_FUA, DEALLOCATE -> {
                ways[tag] = zeroes.first(operation);
                zero(tag);
            }
        }
    }

    private void transfer(int tag, Operation operation) {
        long array = iovecs[tag].address();
        long offset = offsets[tag] + moved[tag];
        switch (operation) {
            case READ -> queue.read(tag, array, counts[tag], offset);
            case WRITE_FUA -> queue.write(tag, array, counts[tag], offset, FileIo.RWF_DSYNC);
            default -> queue.write(tag, array, counts[tag], offset, 0);
        }
    }

    private void zero(int tag) {
        long offset = offsets[tag] + moved[tag];
        long length = lengths[tag] - moved[tag];
        if (ways[tag] == Zeroes.Way.WRITE) {
            iovecs[tag] = zeroes.iovec(length);
            boolean forced = operations[tag] == Operation.WRITE_ZEROES_FUA;
            int flags = forced ? FileIo.RWF_DSYNC : 0;
            queue.write(tag, iovecs[tag].address(), 1, offset, flags);
        } else {
            queue.fallocate(tag, ways[tag].mode, offset, length);
        }
    }

    @Override
    public void submit() {
        queue.submit();
    }

    @Override
    public int reap(Completions completions) {
        receiver = completions;
        delivered = 0;
        queue.reap(this);
        queue.submit(); // what is to be continued
        return delivered;
    }

    @Override
    public void quiesce(Completions completions) {
        while (inFlight > 0) {
            queue.await();
            reap(completions);
        }
    }

    @Override
    public void done(int tag, long result) {
        @Nullable Operation operation = operations[tag];
        if (operation == null) {
            throw new IllegalStateException("tag " + tag + " is not in use");
        }
        switch (operation) {
            case READ, WRITE, WRITE_FUA -> transferred(tag, operation, result);
            case FLUSH -> finish(tag, operation, result);
            case WRITE_ZEROES, DEALLOCATE -> zeroed(tag, operation, result);
            case WRITE_ZEROES_FUA -> {
                if (syncing[tag]) {
                    syncing[tag] = false;
                    finish(tag, operation, result);
                } else {
                    zeroed(tag, operation, result);
                }
            }
        }
    }

    private void transferred(int tag, Operation operation, long result) {
        if (!advance(tag, operation, result)) {
            return;
        }
        if (result > 0) {
            iovecs[tag] = Iovecs.after(iovecs[tag], counts[tag], result);
            counts[tag] = (int) (iovecs[tag].byteSize() / Iovecs.BYTES);
        }
        transfer(tag, operation);
    }

    private void zeroed(int tag, Operation operation, long result) {
        if (ways[tag] != Zeroes.Way.WRITE) {
            Zeroes.@Nullable Way next = zeroes.next(ways[tag], result);
            if (next == null) {
                zeroesEnd(tag, operation, result);
                return;
            }
            ways[tag] = next;
            zero(tag);
        } else if (advance(tag, operation, result)) {
            zero(tag);
        }
    }

    /** fallocate has no flag that makes it durable: a sync of its own does. */
    private void zeroesEnd(int tag, Operation operation, long result) {
        if (operation == Operation.WRITE_ZEROES_FUA && result == 0) {
            syncing[tag] = true;
            queue.fdatasync(tag);
        } else {
            finish(tag, operation, result);
        }
    }

    /** Counts what was moved; true if there is more to do. */
    private boolean advance(int tag, Operation operation, long result) {
        if (result == -Errno.EINTR || result == -Errno.EAGAIN) {
            return true;
        }
        if (result <= 0) {
            finish(tag, operation, result == 0 ? -Errno.EIO : result); // 0: the file shrank
            return false;
        }
        moved[tag] += result;
        if (moved[tag] < lengths[tag]) {
            return true;
        }
        finish(tag, operation, 0);
        return false;
    }

    private void finish(int tag, Operation operation, long result) {
        int errno = (int) -Math.min(result, 0);
        if (operation != Operation.READ) {
            watchDisk(tag, operation, errno);
        }
        operations[tag] = null;
        inFlight--;
        delivered++;
        receiver.completed(tag, errno);
    }

    private void watchDisk(int tag, Operation operation, int errno) {
        if (Namespace.losesWrites(operation, errno)) {
            disk.lostWrites();
        }
        if (DiskFull.isFull(errno)) {
            disk.failed(offsets[tag] + moved[tag], FileIo.allocatedBytes(file.number()));
        } else if (errno == 0 && disk.full() && operation != Operation.FLUSH) {
            long allocated = FileIo.allocatedBytes(file.number());
            disk.succeeded(offsets[tag], lengths[tag], allocated);
        }
    }

    /** Waits for what runs, then closes the file, which ends the lock. */
    @Override
    public void close() {
        quiesce(NOBODY);
        queue.close();
        file.close();
    }
}
