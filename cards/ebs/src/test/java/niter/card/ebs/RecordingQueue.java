package niter.card.ebs;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.SplittableRandom;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.linux.Memory;
import org.jspecify.annotations.Nullable;

/**
 * A queue over a real one that writes down what it is asked for and when that ends. It cuts writes
 * short between two blocks, as the kernel may, and may lack ways to make zeroes. A block's value is
 * the u64 that fills it.
 */
final class RecordingQueue implements FileQueue, FileQueue.Results {
    static final int BLOCK = 512;
    private static final int TAGS = VolumeFile.MAX_IN_FLIGHT;

    /** What a queue that loses data does. */
    enum Defect {
        NONE,
        ANSWERS_FLUSHES_ITSELF,
        FORGETS_FORCED_WRITES
    }

    private record Own(int tag, long result) {}

    private final FileQueue real;
    private final PowerLog log;
    private final SplittableRandom random;
    private final Defect defect;
    private final boolean zeroRange;
    private final boolean punchHole;
    private final Deque<Own> own = new ArrayDeque<>();
    private final Versions.@Nullable Change[] changes = new Versions.@Nullable Change[TAGS];
    private final int[] since = new int[TAGS]; // when a flush began; -1: none runs
    private final MemorySegment[] iovecs = new MemorySegment[TAGS];
    private Results results = (tag, result) -> {};

    RecordingQueue(FileQueue real, PowerLog log, SplittableRandom random, Defect defect) {
        this.real = real;
        this.log = log;
        this.random = random;
        this.defect = defect;
        zeroRange = random.nextBoolean();
        punchHole = random.nextInt(4) > 0;
        Arrays.fill(since, -1);
    }

    @Override
    public void read(int tag, long iovecs, int count, long offset) {
        real.read(tag, iovecs, count, offset);
    }

    @Override
    public void write(int tag, long iovecs, int count, long offset, int flags) {
        long bytes = 0;
        for (int n = 0; n < count; n++) {
            bytes += Memory.all().get(JAVA_LONG, iovecs + Iovecs.BYTES * n + 8);
        }
        int all = (int) (bytes / BLOCK);
        int blocks = all > 1 && random.nextInt(6) == 0 ? random.nextInt(1, all) : all;
        MemorySegment some = first(iovecs, count, (long) blocks * BLOCK);
        this.iovecs[tag] = some;
        int given = defect == Defect.FORGETS_FORCED_WRITES ? 0 : flags;
        begin(tag, offset, values(some, blocks), (given & FileIo.RWF_DSYNC) != 0);
        real.write(tag, some.address(), (int) (some.byteSize() / Iovecs.BYTES), offset, given);
    }

    /** A copy of an array that ends after so many bytes. */
    private static MemorySegment first(long iovecs, int count, long bytes) {
        MemorySegment some = Arena.ofAuto().allocate(Iovecs.BYTES * count, Long.BYTES);
        MemorySegment.copy(Memory.all(), iovecs, some, 0, some.byteSize());
        long left = bytes;
        int n = 0;
        while (left > 0) {
            long length = Math.min(left, Iovecs.length(some, n));
            Iovecs.set(some, n, some.getAtIndex(JAVA_LONG, 2L * n), length);
            left -= length;
            n++;
        }
        return some.asSlice(0, Iovecs.BYTES * n);
    }

    private static long[] values(MemorySegment iovecs, int blocks) {
        long[] values = new long[blocks];
        int n = 0;
        long at = 0;
        for (int block = 0; block < blocks; block++) {
            while (at == Iovecs.length(iovecs, n)) {
                n++;
                at = 0;
            }
            values[block] = value(iovecs.getAtIndex(JAVA_LONG, 2L * n) + at);
            at += BLOCK;
        }
        return values;
    }

    /** The value of a block in memory, which nothing else is part of. */
    static long value(long address) {
        long value = Memory.all().get(JAVA_LONG, address);
        for (int at = 8; at < BLOCK; at += 8) {
            if (Memory.all().get(JAVA_LONG, address + at) != value) {
                throw new AssertionError("a block of two values: %x".formatted(value));
            }
        }
        return value;
    }

    private void begin(int tag, long offset, long[] values, boolean durable) {
        Versions.Change change = new Versions.Change((int) (offset / BLOCK), values, durable);
        changes[tag] = change;
        log.began(PowerLog.Layer.FILE, change);
    }

    @Override
    public void fdatasync(int tag) {
        if (defect == Defect.ANSWERS_FLUSHES_ITSELF) {
            own.add(new Own(tag, 0));
        } else {
            since[tag] = log.now();
            real.fdatasync(tag);
        }
    }

    @Override
    public void fallocate(int tag, int mode, long offset, long bytes) {
        boolean zero = (mode & FileIo.FALLOC_FL_ZERO_RANGE) != 0;
        if (zero ? !zeroRange : !punchHole) {
            own.add(new Own(tag, -Errno.EOPNOTSUPP));
            return;
        }
        begin(tag, offset, new long[(int) (bytes / BLOCK)], false);
        real.fallocate(tag, mode, offset, bytes);
    }

    @Override
    public void submit() {
        real.submit();
    }

    @Override
    public int reap(Results results) {
        this.results = results;
        int n = own.size();
        for (int i = 0; i < n; i++) {
            Own next = own.remove();
            results.done(next.tag, next.result);
        }
        return n + real.reap(this);
    }

    @Override
    public void done(int tag, long result) {
        Versions.Change change = changes[tag];
        if (change != null) {
            changes[tag] = null;
            int all = change.values.length;
            // fallocate tells no bytes: all or nothing.
            int blocks = result < 0 ? 0 : result == 0 ? all : (int) (result / BLOCK);
            log.ended(PowerLog.Layer.FILE, change, blocks);
        } else if (since[tag] >= 0 && result == 0) {
            log.flushed(PowerLog.Layer.FILE, since[tag]);
        }
        since[tag] = -1;
        results.done(tag, result);
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
