package niter.card.ebs;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.linux.Memory;

/** A queue over a real one that moves fewer bytes than asked, interrupts, and fails on demand. */
final class FaultyQueue implements FileQueue {
    private record Result(int tag, long result) {}

    private final FileQueue real;
    private final SplittableRandom random;
    private final Deque<Result> own = new ArrayDeque<>();
    private final Set<Integer> unsupported = new HashSet<>();
    private int writeError;
    private int syncError;

    FaultyQueue(FileQueue real, long seed) {
        this.real = real;
        random = new SplittableRandom(seed);
    }

    /** From now on fallocate with this flag is unknown to the file system. */
    void unsupport(int mode) {
        unsupported.add(mode | FileIo.FALLOC_FL_KEEP_SIZE);
    }

    /** From now on writes fail; 0: they work again. */
    void failWrites(int errno) {
        writeError = errno;
    }

    /** From now on syncs fail. */
    void failSyncs(int errno) {
        syncError = errno;
    }

    @Override
    public void read(int tag, long iovecs, int count, long offset) {
        if (!interrupted(tag)) {
            MemorySegment some = shorter(iovecs, count);
            real.read(tag, some.address(), (int) (some.byteSize() / Iovecs.BYTES), offset);
        }
    }

    @Override
    public void write(int tag, long iovecs, int count, long offset, int flags) {
        if (writeError != 0) {
            own.add(new Result(tag, -writeError));
        } else if (!interrupted(tag)) {
            MemorySegment some = shorter(iovecs, count);
            int n = (int) (some.byteSize() / Iovecs.BYTES);
            real.write(tag, some.address(), n, offset, flags);
        }
    }

    private boolean interrupted(int tag) {
        boolean now = random.nextInt(8) == 0;
        if (now) {
            own.add(new Result(tag, random.nextBoolean() ? -Errno.EINTR : -Errno.EAGAIN));
        }
        return now;
    }

    /** A copy that ends early, perhaps within an iovec. It is never freed: it may be in use. */
    private MemorySegment shorter(long iovecs, int count) {
        int n = random.nextBoolean() ? count : random.nextInt(1, count + 1);
        MemorySegment some = Arena.global().allocate(Iovecs.BYTES * n, Long.BYTES);
        MemorySegment.copy(Memory.all(), iovecs, some, 0, some.byteSize());
        long last = some.getAtIndex(JAVA_LONG, 2L * n - 1);
        if (random.nextBoolean()) {
            some.setAtIndex(JAVA_LONG, 2L * n - 1, random.nextLong(1, last + 1));
        }
        return some;
    }

    @Override
    public void fdatasync(int tag) {
        if (syncError != 0) {
            own.add(new Result(tag, -syncError));
        } else {
            real.fdatasync(tag);
        }
    }

    @Override
    public void fallocate(int tag, int mode, long offset, long bytes) {
        if (unsupported.contains(mode)) {
            own.add(new Result(tag, -Errno.EOPNOTSUPP));
        } else if (!interrupted(tag)) {
            real.fallocate(tag, mode, offset, bytes);
        }
    }

    @Override
    public void submit() {
        real.submit();
    }

    @Override
    public int reap(Results results) {
        int n = own.size();
        for (int i = 0; i < n; i++) {
            Result next = own.remove();
            results.done(next.tag, next.result);
        }
        return n + real.reap(results);
    }

    @Override
    public void await() {
        if (own.isEmpty()) {
            real.await();
        } else {
            real.submit();
        }
    }

    @Override
    public int descriptor() {
        return real.descriptor();
    }

    @Override
    public void close() {
        real.close();
    }
}
