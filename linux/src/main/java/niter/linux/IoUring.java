package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * A pair of rings shared with the kernel: requests go in, completions come out, in any order. One
 * thread uses it; nothing allocates after {@link #create}. io_uring(7), linux/io_uring.h.
 */
public final class IoUring implements AutoCloseable {
    /** Receives completions. */
    public interface Sink {
        /**
         * A request is done.
         *
         * @param userData as it was given with the request
         * @param result bytes, 0, or a negated errno
         */
        void completed(long userData, int result);
    }

    private static final int READV = 1;
    private static final int WRITEV = 2;
    private static final int FSYNC = 3;
    private static final int FALLOCATE = 17;
    private static final int READ = 22;
    private static final int WRITE = 23;
    private static final int FSYNC_DATASYNC = 1;

    private static final int ENTER_GETEVENTS = 1;
    private static final int FEATURE_SINGLE_MMAP = 1;
    private static final int FEATURE_NODROP = 2;
    private static final int FEATURE_RW_CUR_POS = 8; // as old as READ and WRITE
    private static final long OFFSET_RINGS = 0;
    private static final long OFFSET_ENTRIES = 0x1000_0000L;
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_SHARED_POPULATE = 0x8001;

    // struct io_uring_params
    private static final long PARAMETERS_BYTES = 120;
    private static final long SUBMISSION_ENTRIES = 0;
    private static final long COMPLETION_ENTRIES = 4;
    private static final long FEATURES = 20;
    private static final long SUBMISSION = 40; // head 0, tail 4, mask 8, array 24
    private static final long COMPLETION = 80; // head 0, tail 4, mask 8, entries 20

    // struct io_uring_sqe: opcode in byte 0, file in bytes 4 to 7
    private static final long SQE_BYTES = 64;
    private static final long SQE_OFFSET = 8;
    private static final long SQE_ADDRESS = 16;
    private static final long SQE_LENGTH = 24;
    private static final long SQE_FLAGS = 28;
    private static final long SQE_USER_DATA = 32;
    private static final long SQE_REST = 40;

    // struct io_uring_cqe
    private static final long CQE_BYTES = 16;
    private static final long CQE_RESULT = 8;

    private static final VarHandle INDEX = JAVA_INT.varHandle();

    private final Descriptor descriptor;
    private final Mapping ringMapping;
    private final Mapping entryMapping;
    private final MemorySegment rings;
    private final MemorySegment sqes;
    private final int submissionEntries;
    private final int completionEntries;
    private final long sqHead;
    private final long sqTail;
    private final int sqMask;
    private final long cqHead;
    private final long cqTail;
    private final int cqMask;
    private final long cqes;

    private int tail; // ours alone: requests written, published by submit
    private int head; // ours alone: completions consumed, published by reap
    private int inFlight; // written and not yet reaped; never above completionEntries

    private IoUring(Descriptor descriptor, MemorySegment parameters) {
        this.descriptor = descriptor;
        submissionEntries = parameters.get(JAVA_INT, SUBMISSION_ENTRIES);
        completionEntries = parameters.get(JAVA_INT, COMPLETION_ENTRIES);
        long array = parameters.get(JAVA_INT, SUBMISSION + 24);
        cqes = parameters.get(JAVA_INT, COMPLETION + 20);
        long ringBytes =
                Math.max(array + 4L * submissionEntries, cqes + CQE_BYTES * completionEntries);
        int fd = descriptor.number();
        ringMapping =
                Mapping.map(fd, OFFSET_RINGS, ringBytes, PROT_READ_WRITE, MAP_SHARED_POPULATE);
        try {
            entryMapping =
                    Mapping.map(
                            fd,
                            OFFSET_ENTRIES,
                            SQE_BYTES * submissionEntries,
                            PROT_READ_WRITE,
                            MAP_SHARED_POPULATE);
        } catch (LinuxException e) {
            ringMapping.close();
            throw e;
        }
        rings = ringMapping.segment();
        sqes = entryMapping.segment();
        sqHead = parameters.get(JAVA_INT, SUBMISSION);
        sqTail = parameters.get(JAVA_INT, SUBMISSION + 4);
        sqMask = rings.get(JAVA_INT, parameters.get(JAVA_INT, SUBMISSION + 8));
        cqHead = parameters.get(JAVA_INT, COMPLETION);
        cqTail = parameters.get(JAVA_INT, COMPLETION + 4);
        cqMask = rings.get(JAVA_INT, parameters.get(JAVA_INT, COMPLETION + 8));
        for (int i = 0; i < submissionEntries; i++) {
            rings.set(JAVA_INT, array + 4L * i, i); // slot i of the ring is always entry i
        }
    }

    /**
     * Makes the rings.
     *
     * @param entries requests that fit before a submit, 1 to 32768; rounded up to a power of two
     * @throws Denied if a sandbox or a system setting forbids io_uring: use {@link FileIo} instead
     * @throws LinuxException with ENOSYS on a kernel without it
     */
    public static IoUring create(int entries) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment parameters = arena.allocate(PARAMETERS_BYTES, Long.BYTES);
            String call = "io_uring_setup(" + entries + ")";
            long fd =
                    Libc.syscall(
                            SystemCall.IO_URING_SETUP, entries, parameters.address(), 0, 0, 0, 0);
            if (fd < 0) {
                throw LinuxException.of(call, (int) -fd);
            }
            Descriptor descriptor = Descriptor.adopt((int) fd); // the kernel sets CLOEXEC itself
            try {
                int needed = FEATURE_SINGLE_MMAP | FEATURE_NODROP | FEATURE_RW_CUR_POS;
                if ((parameters.get(JAVA_INT, FEATURES) & needed) != needed) {
                    throw LinuxException.of(call + ": before Linux 5.6", Errno.ENOSYS);
                }
                return new IoUring(descriptor, parameters);
            } catch (LinuxException e) {
                descriptor.close();
                throw e;
            }
        }
    }

    /** Queues a read into {@code n} iovecs, which must stay as they are until it completes. */
    public void readv(int fd, long iovecs, int n, long offset, int rwFlags, long userData) {
        transfer(n == 1 ? READ : READV, fd, iovecs, n, offset, rwFlags, userData);
    }

    /** Queues a write, as {@link #readv}; {@link FileIo#RWF_DSYNC} makes it durable. */
    public void writev(int fd, long iovecs, int n, long offset, int rwFlags, long userData) {
        transfer(n == 1 ? WRITE : WRITEV, fd, iovecs, n, offset, rwFlags, userData);
    }

    /** One buffer goes into the request itself, so that the kernel need not fetch an iovec. */
    private void transfer(
            int opcode, int fd, long iovecs, int n, long offset, int rwFlags, long userData) {
        if (n == 1) {
            long address = Memory.all().get(JAVA_LONG, iovecs);
            int bytes = (int) Memory.all().get(JAVA_LONG, iovecs + Long.BYTES);
            queue(opcode, fd, offset, address, bytes, rwFlags, userData);
        } else {
            queue(opcode, fd, offset, iovecs, n, rwFlags, userData);
        }
    }

    /**
     * Queues an fsync or fdatasync; it covers writes that completed before, not those in flight.
     */
    public void fsync(int fd, boolean dataOnly, long userData) {
        queue(FSYNC, fd, 0, 0, 0, dataOnly ? FSYNC_DATASYNC : 0, userData);
    }

    /** Queues a fallocate; mode is {@code FALLOC_FL_…} of {@link FileIo}. */
    public void fallocate(int fd, int mode, long offset, long bytes, long userData) {
        queue(FALLOCATE, fd, offset, bytes, mode, 0, userData); // length in addr, mode in len
    }

    private void queue(
            int opcode, int fd, long offset, long address, int length, int flags, long userData) {
        if (full()) {
            throw new IllegalStateException("ring is full"); // the caller's bug
        }
        long at = SQE_BYTES * (tail & sqMask);
        sqes.set(JAVA_LONG, at, opcode | (long) fd << 32);
        sqes.set(JAVA_LONG, at + SQE_OFFSET, offset);
        sqes.set(JAVA_LONG, at + SQE_ADDRESS, address);
        sqes.set(JAVA_INT, at + SQE_LENGTH, length);
        sqes.set(JAVA_INT, at + SQE_FLAGS, flags);
        sqes.set(JAVA_LONG, at + SQE_USER_DATA, userData);
        sqes.set(JAVA_LONG, at + SQE_REST, 0); // of the entry's last request
        sqes.set(JAVA_LONG, at + SQE_REST + 8, 0);
        sqes.set(JAVA_LONG, at + SQE_REST + 16, 0);
        tail++;
        inFlight++;
    }

    /** Whether no request can be queued: submit or reap first. */
    public boolean full() {
        return inFlight == completionEntries || unsubmitted() == submissionEntries;
    }

    /** Requests queued or running that were not reaped yet. */
    public int inFlight() {
        return inFlight;
    }

    private int unsubmitted() {
        // Acquire: the kernel has read an entry before it moves its head past it, so an entry that
        // we then write again is no longer needed.
        return tail - (int) INDEX.getAcquire(rings, sqHead);
    }

    /**
     * Hands what is queued to the kernel.
     *
     * @return how many it took; the rest stays queued for the next call
     */
    public int submit() {
        int count = unsubmitted();
        return count == 0 ? 0 : enter(count, 0, 0);
    }

    /**
     * Submits, and waits until {@code n} completions are there or all that is in flight has
     * completed. A signal may end the wait early. Call it on a platform thread.
     *
     * @return how many requests the kernel took
     */
    public int submitAndWait(int n) {
        return enter(unsubmitted(), Math.min(n, inFlight), ENTER_GETEVENTS);
    }

    private int enter(int submit, int complete, int flags) {
        // Release: the entries are written before the kernel can see a tail that includes them.
        INDEX.setRelease(rings, sqTail, tail);
        int fd = descriptor.number();
        long result = Libc.repeatable(SystemCall.IO_URING_ENTER, fd, submit, complete, flags, 0, 0);
        if (result >= 0) {
            return (int) result;
        }
        return switch ((int) -result) {
            case Errno.EINTR, Errno.EAGAIN, Errno.EBUSY -> 0; // nothing was taken: call again
            default ->
                    throw LinuxException.of(
                            "io_uring_enter(" + fd + ", " + submit + ", " + complete + ")",
                            (int) -result);
        };
    }

    /**
     * Delivers the completions that are there, without a system call. The sink may queue new
     * requests.
     *
     * @return how many there were
     */
    public int reap(Sink sink) {
        // Acquire: the kernel writes a completion before the tail that includes it.
        int end = (int) INDEX.getAcquire(rings, cqTail);
        int begin = head;
        try {
            while (head != end) {
                long at = cqes + CQE_BYTES * (head & cqMask);
                long userData = rings.get(JAVA_LONG, at);
                int result = rings.get(JAVA_INT, at + CQE_RESULT);
                head++;
                sink.completed(userData, result);
            }
        } finally {
            // Release: we have read these completions before the kernel may write over them. Only
            // then do they make room, so the kernel never has more completions than slots.
            INDEX.setRelease(rings, cqHead, head);
            inFlight -= head - begin;
        }
        return head - begin;
    }

    /** Readable while there are completions, for {@link Epoll}. */
    public Descriptor descriptor() {
        return descriptor;
    }

    /** Ends the rings. Requests in flight may still run: wait for them before freeing memory. */
    @Override
    public void close() {
        descriptor.close();
        entryMapping.close();
        ringMapping.close();
    }
}
