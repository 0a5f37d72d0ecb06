package niter.card.ebs;

import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.Errno;
import niter.linux.EventFd;
import niter.linux.FileIo;

/**
 * Requests through a few threads that wait in system calls, where the kernel refuses io_uring (a
 * container's seccomp profile, kernel.io_uring_disabled).
 */
final class PoolQueue implements FileQueue {
    private static final int THREADS = 4;
    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int FDATASYNC = 2;
    private static final int FALLOCATE = 3;

    private final int file;
    private final Descriptor event = EventFd.create();
    private final Epoll epoll = new Epoll();
    private final long[] tokens = new long[1];

    // By tag: written by the owner before it starts, read by the worker that takes it.
    private final int[] kind;
    private final long[] address;
    private final long[] offset;
    private final int[] count;
    private final int[] flags;

    private final int[] queued; // the owner's alone
    private int queuedCount;
    private final Tags started;
    private final Tags done;
    private final long[] result; // by tag; guarded by done
    private final int[] reaped; // the owner's alone

    /**
     * Starts the threads.
     *
     * @param tags requests at once
     */
    PoolQueue(int file, int tags) {
        this.file = file;
        kind = new int[tags];
        address = new long[tags];
        offset = new long[tags];
        count = new int[tags];
        flags = new int[tags];
        queued = new int[tags];
        started = new Tags(tags);
        done = new Tags(tags);
        result = new long[tags];
        reaped = new int[tags];
        epoll.add(event.number(), 0);
        for (int i = 0; i < THREADS; i++) {
            Thread.ofPlatform().daemon().name("volume-io").start(this::work);
        }
    }

    @Override
    public void read(int tag, long iovecs, int count, long offset) {
        queue(READ, tag, iovecs, offset, count, 0);
    }

    @Override
    public void write(int tag, long iovecs, int count, long offset, int flags) {
        queue(WRITE, tag, iovecs, offset, count, flags);
    }

    @Override
    public void fdatasync(int tag) {
        queue(FDATASYNC, tag, 0, 0, 0, 0);
    }

    @Override
    public void fallocate(int tag, int mode, long offset, long bytes) {
        queue(FALLOCATE, tag, bytes, offset, 0, mode);
    }

    private void queue(int kind, int tag, long address, long offset, int count, int flags) {
        this.kind[tag] = kind;
        this.address[tag] = address;
        this.offset[tag] = offset;
        this.count[tag] = count;
        this.flags[tag] = flags;
        queued[queuedCount++] = tag;
    }

    @Override
    public void submit() {
        for (int i = 0; i < queuedCount; i++) {
            started.add(queued[i]);
        }
        queuedCount = 0;
    }

    /** Body of a thread. */
    private void work() {
        try {
            for (int tag = started.take(); tag >= 0; tag = started.take()) {
                long outcome = run(tag);
                synchronized (done) { // the event too: the owner may close it once it has the tag
                    result[tag] = outcome;
                    done.add(tag);
                    EventFd.signal(event.number());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // nobody but close() means to, and it does not
        }
    }

    private long run(int tag) {
        return switch (kind[tag]) {
            case READ -> FileIo.preadv(file, address[tag], count[tag], offset[tag]);
            case WRITE -> FileIo.pwritev2(file, address[tag], count[tag], offset[tag], flags[tag]);
            case FDATASYNC -> FileIo.fdatasync(file);
            case FALLOCATE -> FileIo.fallocate(file, flags[tag], offset[tag], address[tag]);
            default -> -Errno.EINVAL;
        };
    }

    @Override
    public int reap(Results results) {
        EventFd.drain(event.number());
        int n = done.drain(reaped);
        for (int i = 0; i < n; i++) {
            results.done(reaped[i], result[reaped[i]]);
        }
        return n;
    }

    @Override
    public void await() {
        submit();
        epoll.await(-1, tokens);
    }

    @Override
    public int descriptor() {
        return event.number();
    }

    @Override
    public void close() {
        started.end();
        epoll.close();
        event.close();
    }

    /** A queue of tags between threads. Each tag is in it once at most, so it is never full. */
    private static final class Tags {
        private final int[] ring;
        private int head;
        private int size;
        private boolean ended;

        Tags(int capacity) {
            ring = new int[capacity];
        }

        synchronized void add(int tag) {
            ring[(head + size) % ring.length] = tag;
            size++;
            notify();
        }

        /** Waits for one; -1 once there will be no more. */
        synchronized int take() throws InterruptedException {
            while (size == 0) {
                if (ended) {
                    return -1;
                }
                wait();
            }
            return next();
        }

        private int next() {
            int tag = ring[head];
            head = (head + 1) % ring.length;
            size--;
            return tag;
        }

        synchronized int drain(int[] into) {
            int n = 0;
            while (size > 0) {
                into[n++] = next();
            }
            return n;
        }

        synchronized void end() {
            ended = true;
            notifyAll();
        }
    }
}
