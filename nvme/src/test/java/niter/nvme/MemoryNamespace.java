package niter.nvme;

import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import niter.linux.Memory;
import org.jspecify.annotations.Nullable;

/**
 * Blocks in memory. Operations finish at the next reap, or, with a random source, some time later.
 */
final class MemoryNamespace implements Namespace {
    private static final int[] NO_ERRORS = {};

    final MemorySegment blocks;
    Runnable step = () -> {};
    int[] nextErrors = NO_ERRORS; // errnos of the next operations
    long sizeBytes;
    int flushes;
    int durableWrites;
    int deallocations;
    int zeroings;
    int prepared;
    boolean held; // nothing finishes

    private final @Nullable RandomGenerator random;
    private final Operation[] operations = new Operation[Limits.TAGS];
    private final long[] offsets = new long[Limits.TAGS];
    private final long[] lengths = new long[Limits.TAGS];
    private final MemorySegment[] iovecs = new MemorySegment[Limits.TAGS];
    private final int[] counts = new int[Limits.TAGS];
    private final int[] running = new int[Limits.TAGS];
    private int runningCount;
    private int submitted;

    MemoryNamespace(MemorySegment blocks, @Nullable RandomGenerator random) {
        this.blocks = blocks;
        this.random = random;
        this.sizeBytes = blocks.byteSize();
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public int maxInFlight() {
        return Limits.TAGS;
    }

    @Override
    public void prepare(
            Operation operation,
            int tag,
            long offsetBytes,
            long lengthBytes,
            MemorySegment pairs,
            int count) {
        step.run();
        for (int n = 0; n < runningCount; n++) {
            if (running[n] == tag) {
                throw new IllegalStateException("tag " + tag + " is in use");
            }
        }
        if (offsetBytes < 0 || offsetBytes + lengthBytes > sizeBytes) {
            throw new IllegalStateException("outside: " + offsetBytes + " + " + lengthBytes);
        }
        operations[tag] = operation;
        offsets[tag] = offsetBytes;
        lengths[tag] = lengthBytes;
        iovecs[tag] = pairs;
        counts[tag] = count;
        running[runningCount++] = tag;
        prepared++;
    }

    @Override
    public void submit() {
        step.run();
        submitted = runningCount;
    }

    @Override
    public int reap(Completions completions) {
        int done = 0;
        int candidates = submitted; // what is prepared meanwhile is not submitted yet
        while (candidates > 0 && !held) {
            candidates--;
            int at = 0;
            if (random != null) {
                if (random.nextInt(3) == 0) {
                    break;
                }
                at = random.nextInt(submitted);
            }
            finish(at, completions);
            done++;
        }
        return done;
    }

    private void finish(int at, Completions completions) {
        step.run();
        int tag = running[at];
        System.arraycopy(running, at + 1, running, at, --runningCount - at);
        submitted--;
        int errno = 0;
        if (nextErrors.length > 0) {
            errno = nextErrors[0];
            nextErrors = java.util.Arrays.copyOfRange(nextErrors, 1, nextErrors.length);
        }
        if (errno == 0) {
            perform(tag);
        }
        completions.completed(tag, errno);
    }

    /**
     * What the kernel still does for a process that was killed, or does not; nobody hears of it.
     */
    void abandon() {
        for (int n = 0; n < runningCount; n++) {
            if (random == null || random.nextBoolean()) {
                perform(running[n]);
            }
        }
        runningCount = 0;
        submitted = 0;
    }

    private void perform(int tag) {
        switch (operations[tag]) {
            case READ -> transfer(tag, true);
            case WRITE -> transfer(tag, false);
            case WRITE_FUA -> {
                transfer(tag, false);
                durableWrites++;
            }
            case FLUSH -> flushes++;
            case WRITE_ZEROES, WRITE_ZEROES_FUA -> {
                zeroings++;
                durableWrites += operations[tag] == Operation.WRITE_ZEROES_FUA ? 1 : 0;
                blocks.asSlice(offsets[tag], lengths[tag]).fill((byte) 0);
            }
            case DEALLOCATE -> {
                deallocations++;
                blocks.asSlice(offsets[tag], lengths[tag]).fill((byte) 0);
            }
        }
    }

    private void transfer(int tag, boolean read) {
        long at = offsets[tag];
        for (int n = 0; n < counts[tag]; n++) {
            long address = iovecs[tag].get(LE64, 16L * n);
            long length = iovecs[tag].get(LE64, 16L * n + 8);
            if (read) {
                MemorySegment.copy(blocks, at, Memory.all(), address, length);
            } else {
                MemorySegment.copy(Memory.all(), address, blocks, at, length);
            }
            at += length;
        }
        if (at != offsets[tag] + lengths[tag]) {
            throw new IllegalStateException("iovecs are not as long as the operation");
        }
    }

    @Override
    public void quiesce(Completions completions) {
        submitted = runningCount;
        while (submitted > 0) {
            finish(0, completions);
        }
    }

    @Override
    public int descriptor() {
        return -1;
    }

    @Override
    public void close() {}
}
