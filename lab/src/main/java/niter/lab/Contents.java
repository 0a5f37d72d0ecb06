package niter.lab;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32C;

/**
 * What a volume must hold. Each sector of 512 bytes carries a checksum (CRC-32C, @4, of what
 * follows it), its own number (@8) and the generation of its block (@16); the rest follows from
 * both. A block has one command at a time, so that what a read must find is known: at least what
 * was acknowledged, at most what was issued. For one thread.
 */
final class Contents {
    private static final int SECTOR_BYTES = NvmeDriver.BLOCK_BYTES;
    private static final int MAGIC = 0x4c52544e; // "NTRL"
    private static final int CHECKSUM = 4;
    private static final int NUMBER = 8;
    private static final int GENERATION = 16;
    private static final int PATTERN = 24;

    private final int blockBytes;
    private final CRC32C crc = new CRC32C();

    // By block; a generation is 0 where nothing was written.
    private final int[] issued;
    private final int[] acknowledged;
    private final int[] durable; // by a flush or FUA before the last write that was acknowledged
    private final long[] acknowledgedAt;
    private final boolean[] busy;

    private long now; // counts what was acknowledged
    private long flushedAt; // what was acknowledged until then is durable

    /** A volume of zeroes. */
    Contents(int blocks, int blockBytes) {
        this.blockBytes = blockBytes;
        issued = new int[blocks];
        acknowledged = new int[blocks];
        durable = new int[blocks];
        acknowledgedAt = new long[blocks];
        busy = new boolean[blocks];
    }

    int blocks() {
        return issued.length;
    }

    /** Whether a command for the block is in flight. */
    boolean isBusy(int block) {
        return busy[block];
    }

    void busy(int block, boolean on) {
        busy[block] = on;
    }

    boolean isWritten(int block) {
        return issued[block] != 0;
    }

    /**
     * Begins a write.
     *
     * @param data receives what is to be written
     * @return its generation
     */
    int issue(int block, MemorySegment data) {
        int generation = ++issued[block];
        long first = (long) block * (blockBytes / SECTOR_BYTES);
        for (int at = 0; at < blockBytes; at += SECTOR_BYTES) {
            fill(data.asSlice(at, SECTOR_BYTES), first++, generation);
        }
        return generation;
    }

    private void fill(MemorySegment sector, long number, int generation) {
        sector.set(JAVA_INT_UNALIGNED, 0, MAGIC);
        sector.set(JAVA_LONG_UNALIGNED, NUMBER, number);
        sector.set(JAVA_LONG_UNALIGNED, GENERATION, generation);
        long value = number * 0x9e3779b97f4a7c15L + generation;
        for (int at = PATTERN; at < SECTOR_BYTES; at += Long.BYTES) {
            value = value * 0x5851f42d4c957f2dL + 0x14057b7ef767814fL;
            sector.set(JAVA_LONG_UNALIGNED, at, value);
        }
        sector.set(JAVA_INT_UNALIGNED, CHECKSUM, checksum(sector));
    }

    private int checksum(MemorySegment sector) {
        crc.reset();
        crc.update(sector.asSlice(NUMBER).asByteBuffer());
        return (int) crc.getValue();
    }

    /**
     * A write was completed.
     *
     * @param fua whether it is durable
     */
    void acknowledge(int block, int generation, boolean fua) {
        durable[block] = fua ? generation : durableGeneration(block);
        acknowledged[block] = generation;
        acknowledgedAt[block] = ++now;
    }

    private int durableGeneration(int block) {
        return acknowledgedAt[block] <= flushedAt ? acknowledged[block] : durable[block];
    }

    /** What a flush that is issued now makes durable, for {@link #flushed}. */
    long now() {
        return now;
    }

    /** A flush was completed. */
    void flushed(long issuedAt) {
        flushedAt = Math.max(flushedAt, issuedAt);
    }

    /** Checks what a read has found. */
    void check(int block, MemorySegment data, Findings findings) {
        long first = (long) block * (blockBytes / SECTOR_BYTES);
        for (int at = 0; at < blockBytes; at += SECTOR_BYTES) {
            MemorySegment sector = data.asSlice(at, SECTOR_BYTES);
            long number = first++;
            long generation = generation(sector, number);
            if (generation >= acknowledged[block] && generation <= issued[block]) {
                continue;
            }
            if (generation >= 0 && generation < acknowledged[block]) {
                findings.lostWrite(
                        "sector %d: generation %d, acknowledged %d, durable %d"
                                .formatted(
                                        number,
                                        generation,
                                        acknowledged[block],
                                        durableGeneration(block)),
                        generation < durableGeneration(block));
            } else {
                findings.corruptBlock(
                        generation < 0
                                ? "sector %d: not what was ever written there".formatted(number)
                                : "sector %d: generation %d, issued %d"
                                        .formatted(number, generation, issued[block]));
            }
            return; // one finding a block
        }
    }

    /** Of a sector, 0 where it is all zeroes, or -1: it is another one or broken. */
    private long generation(MemorySegment sector, long number) {
        if (sector.get(JAVA_INT_UNALIGNED, 0) != MAGIC) {
            return isZero(sector) ? 0 : -1;
        }
        boolean whole =
                sector.get(JAVA_LONG_UNALIGNED, NUMBER) == number
                        && sector.get(JAVA_INT_UNALIGNED, CHECKSUM) == checksum(sector);
        return whole ? sector.get(JAVA_LONG_UNALIGNED, GENERATION) : -1;
    }

    private static boolean isZero(MemorySegment sector) {
        for (int at = 0; at < SECTOR_BYTES; at += Long.BYTES) {
            if (sector.get(JAVA_LONG_UNALIGNED, at) != 0) {
                return false;
            }
        }
        return true;
    }
}
