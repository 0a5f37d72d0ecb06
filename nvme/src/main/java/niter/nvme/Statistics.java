package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.MemorySegment;

/**
 * EBS's statistics, counted where the guest's log page D0h is copied from. 4096 bytes: magic u32,
 * version u32, operations, bytes and microseconds of reads and writes, limits, queue length, and
 * two histograms of latency from 512 and 2056 on (bins u64, then 64 × {lower u64, upper u64, count
 * u32, 0 u32}).
 *
 * <p>Bins are powers of two: AWS does not publish its own.
 */
final class Statistics {
    static final int BYTES = 4096;

    private static final long READS = LiveState.STATISTICS + 8;
    private static final long READ_BYTES = LiveState.STATISTICS + 24;
    private static final long READ_MICROS = LiveState.STATISTICS + 40;
    private static final long WRITE = 8; // the write counter follows the read counter
    private static final long QUEUE_LENGTH = LiveState.STATISTICS + 88;
    private static final long READ_HISTOGRAM = LiveState.STATISTICS + 512;
    private static final long HISTOGRAM_BYTES = 1544;
    private static final long BIN_BYTES = 24;
    private static final int BINS = 26; // up to 2^25 µs, then everything

    private final MemorySegment memory;
    private final Counters counters;

    Statistics(LiveState live, int magic, Counters counters) {
        this.counters = counters;
        memory = live.memory();
        memory.set(LE32, LiveState.STATISTICS, magic);
        for (int histogram = 0; histogram < 2; histogram++) {
            long at = READ_HISTOGRAM + HISTOGRAM_BYTES * histogram;
            memory.set(LE64, at, BINS);
            for (int bin = 0; bin < BINS; bin++) {
                long entry = at + 8 + BIN_BYTES * bin;
                memory.set(LE64, entry, bin == 0 ? 0 : 1L << bin - 1);
                memory.set(LE64, entry + 8, bin == BINS - 1 ? -1L : 1L << bin);
            }
        }
    }

    /** A read or a write has succeeded. */
    void count(boolean write, long bytes, long nanos) {
        counters.add(write ? Counters.Counter.WRITES : Counters.Counter.READS, 1);
        counters.add(write ? Counters.Counter.WRITTEN_BYTES : Counters.Counter.READ_BYTES, bytes);
        long other = write ? WRITE : 0;
        long micros = Math.max(0, nanos / 1000);
        add(READS + other, 1);
        add(READ_BYTES + other, bytes);
        add(READ_MICROS + other, micros);
        int bin = Math.min(Long.SIZE - Long.numberOfLeadingZeros(micros), BINS - 1);
        long count = READ_HISTOGRAM + (write ? HISTOGRAM_BYTES : 0) + 8 + BIN_BYTES * bin + 16;
        memory.set(LE32, count, memory.get(LE32, count) + 1);
    }

    /** A flush has succeeded. */
    void countFlush() {
        counters.add(Counters.Counter.FLUSHES, 1);
    }

    /** A command has failed. */
    void countError() {
        counters.add(Counters.Counter.ERRORS, 1);
    }

    /** Commands at the namespace, as of now: for the operator, not for the guest. */
    void running(int commands) {
        counters.set(Counters.Counter.IN_FLIGHT, commands);
    }

    /** Commands in flight, as of now. */
    void queueLength(int commands) {
        memory.set(LE64, QUEUE_LENGTH, commands);
    }

    long reads() {
        return memory.get(LE64, READS);
    }

    long writes() {
        return memory.get(LE64, READS + WRITE);
    }

    long readBytes() {
        return memory.get(LE64, READ_BYTES);
    }

    long writtenBytes() {
        return memory.get(LE64, READ_BYTES + WRITE);
    }

    private void add(long at, long value) {
        memory.set(LE64, at, memory.get(LE64, at) + value);
    }
}
