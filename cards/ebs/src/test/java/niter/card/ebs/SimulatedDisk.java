package niter.card.ebs;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.EventFd;
import niter.linux.Memory;

/**
 * A file in memory whose requests take their time, move fewer bytes than asked and are interrupted.
 * What still runs when a process ends is done, torn between two sectors, or not done.
 */
final class SimulatedDisk {
    private static final int SECTOR = 512;
    private static final int LONGEST_NANOS = 3_000_000;

    final MemorySegment content;
    long nowNanos;
    int torn;
    int shortened;

    private final SplittableRandom random;

    SimulatedDisk(long bytes, SplittableRandom random) {
        content = Arena.ofAuto().allocate(bytes, 4096);
        this.random = random;
    }

    /** The queue of one process. */
    Queue open() {
        return new Queue();
    }

    private record Request(
            boolean write, int tag, long iovecs, int count, long offset, long dueNanos) {}

    private static long length(long iovecs, int n) {
        return Memory.all().get(JAVA_LONG, iovecs + Iovecs.BYTES * n + 8);
    }

    /** Moves so many bytes at most; how many it was. */
    private long move(Request request, long most) {
        long moved = 0;
        for (int n = 0; n < request.count && moved < most; n++) {
            long address = Memory.all().get(JAVA_LONG, request.iovecs + Iovecs.BYTES * n);
            long bytes = Math.min(length(request.iovecs, n), most - moved);
            long at = request.offset + moved;
            if (request.write) {
                MemorySegment.copy(Memory.all(), address, content, at, bytes);
            } else {
                MemorySegment.copy(content, at, Memory.all(), address, bytes);
            }
            moved += bytes;
        }
        return moved;
    }

    /** Requests of one process, in any order. */
    final class Queue implements FileQueue {
        private final Descriptor wake = EventFd.create();
        private final List<Request> queued = new ArrayList<>();
        private final List<Request> running = new ArrayList<>();
        private boolean dead;

        @Override
        public void read(int tag, long iovecs, int count, long offset) {
            add(false, tag, iovecs, count, offset);
        }

        @Override
        public void write(int tag, long iovecs, int count, long offset, int flags) {
            add(true, tag, iovecs, count, offset);
        }

        @Override
        public void fdatasync(int tag) {
            add(false, tag, 0, 0, 0);
        }

        @Override
        public void fallocate(int tag, int mode, long offset, long bytes) {
            throw new UnsupportedOperationException("no guest asks for it here");
        }

        private void add(boolean write, int tag, long iovecs, int count, long offset) {
            long due = nowNanos + random.nextInt(LONGEST_NANOS);
            queued.add(new Request(write, tag, iovecs, count, offset, due));
        }

        @Override
        public void submit() {
            running.addAll(queued);
            queued.clear();
        }

        @Override
        public int reap(Results results) {
            List<Request> due =
                    new ArrayList<>(
                            running.stream()
                                    .filter(one -> dead || one.dueNanos <= nowNanos)
                                    .toList());
            int done = due.size();
            while (!due.isEmpty()) {
                Request next = due.remove(random.nextInt(due.size()));
                running.remove(next); // first: the process may end within
                boolean moves = next.count > 0;
                results.done(next.tag, dead && moves ? -Errno.EIO : perform(next));
            }
            return done;
        }

        private long perform(Request request) {
            if (request.count == 0) {
                return 0; // fdatasync
            }
            if (random.nextInt(16) == 0) {
                return random.nextBoolean() ? -Errno.EINTR : -Errno.EAGAIN;
            }
            if (random.nextInt(8) == 0) {
                shortened++;
                long sectors = Math.max(1, length(request.iovecs, 0) / SECTOR);
                return move(request, SECTOR * random.nextLong(1, 1 + sectors));
            }
            return move(request, Long.MAX_VALUE);
        }

        /** The process has ended. What the kernel does for it is done before its lock is free. */
        void die() {
            for (Request request : running) {
                if (request.count > 0 && random.nextBoolean()) {
                    boolean whole = random.nextBoolean();
                    torn += request.write && !whole ? 1 : 0;
                    move(request, whole ? Long.MAX_VALUE : SECTOR * random.nextLong(1, 16));
                }
            }
            dead = true;
        }

        @Override
        public void await() {
            submit();
            running.stream()
                    .mapToLong(Request::dueNanos)
                    .min()
                    .ifPresent(due -> nowNanos = Math.max(nowNanos, due));
        }

        @Override
        public int descriptor() {
            return wake.number();
        }

        @Override
        public void close() {
            wake.close();
        }
    }
}
