package niter.lab;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import niter.linux.IoUring;
import niter.linux.LinuxException;
import niter.linux.Memory;
import org.HdrHistogram.Histogram;

/** io_uring on the volume's file: the limit. Its CPU time is all of this process. */
final class RingCarrier implements Carrier, IoUring.Sink {
    private static final long MOST_NANOS = 60_000_000_000L;
    private static final int IOVEC_BYTES = 16;

    private final Path file;
    private final SplittableRandom random = new SplittableRandom(1);
    private Histogram latency = new Histogram(MOST_NANOS, 3);
    private long completed;
    private int next;

    // Of the job that runs.
    private long[] startedNanos = {};
    private int[] free = {};
    private int freeCount;

    RingCarrier(Path file) {
        this.file = file;
    }

    @Override
    public String name() {
        return "io_uring";
    }

    @Override
    public Counted run(Job job, double seconds) throws IOException {
        int depth = job.inFlight();
        int flags = FileIo.O_RDWR | (job.direct() ? FileIo.O_DIRECT : 0);
        startedNanos = new long[depth];
        free = new int[depth];
        freeCount = depth;
        try (Descriptor opened = FileIo.open(file, flags, 0);
                GuestMemory memory =
                        new GuestMemory(depth * (job.blockBytes() + 4096L) + (1L << 20));
                IoUring ring = IoUring.create(depth)) {
            long iovecs = memory.address(memory.allocate((long) IOVEC_BYTES * depth));
            for (int slot = 0; slot < depth; slot++) {
                free[slot] = slot;
                long buffer = memory.address(memory.allocate(job.blockBytes()));
                Memory.all().set(JAVA_LONG, iovecs + (long) IOVEC_BYTES * slot, buffer);
                Memory.all()
                        .set(JAVA_LONG, iovecs + (long) IOVEC_BYTES * slot + 8, job.blockBytes());
            }
            int blocks = (int) (FileIo.size(opened.number()) / job.blockBytes());
            run(ring, opened.number(), iovecs, job, blocks, seconds / 4);
            latency = new Histogram(MOST_NANOS, 3);
            long before = completed;
            long pid = ProcessHandle.current().pid();
            double cpu = Footprint.cpuSeconds(pid);
            long start = System.nanoTime();
            run(ring, opened.number(), iovecs, job, blocks, seconds);
            return new Counted(
                    completed - before,
                    (System.nanoTime() - start) / 1e9,
                    Footprint.cpuSeconds(pid) - cpu,
                    latency,
                    0,
                    0);
        }
    }

    /** Goes on for a while, and ends with nothing in flight. */
    private void run(IoUring ring, int fd, long iovecs, Job job, int blocks, double seconds) {
        long end = System.nanoTime() + (long) (seconds * 1e9);
        while (System.nanoTime() < end) {
            while (freeCount > 0) {
                queue(ring, fd, iovecs, job, blocks);
            }
            ring.submitAndWait(1);
            ring.reap(this);
        }
        while (ring.inFlight() > 0) {
            ring.submitAndWait(1);
            ring.reap(this);
        }
    }

    private void queue(IoUring ring, int fd, long iovecs, Job job, int blocks) {
        int slot = free[--freeCount];
        int drawn = random.nextInt(job.reads() + job.writes() + job.flushes());
        int block = next;
        if (job.sequential()) {
            next = next + 1 >= blocks ? 0 : next + 1;
        } else {
            block = random.nextInt(blocks);
        }
        long offset = (long) block * job.blockBytes();
        long iovec = iovecs + (long) IOVEC_BYTES * slot;
        startedNanos[slot] = System.nanoTime();
        if (drawn < job.reads()) {
            ring.readv(fd, iovec, 1, offset, 0, slot);
        } else if (drawn < job.reads() + job.writes()) {
            boolean durable = random.nextInt(100) < job.fuaPercent();
            ring.writev(fd, iovec, 1, offset, durable ? FileIo.RWF_DSYNC : 0, slot);
        } else {
            ring.fsync(fd, true, slot);
        }
    }

    @Override
    public void completed(long userData, int result) {
        if (result < 0) {
            throw LinuxException.of("io_uring on " + file, -result);
        }
        int slot = (int) userData;
        latency.recordValue(Math.min(MOST_NANOS, System.nanoTime() - startedNanos[slot]));
        free[freeCount++] = slot;
        completed++;
    }
}
