package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.MemorySegment;

/**
 * The newest errors, in live state. NVMe Base 2.2, section 5.2.12.1.2; an entry is 64 bytes: count
 * u64, queue u16, command id u16, status u16 (phase 0), parameter location u16 (FFFFh: none), LBA
 * u64, NSID u32.
 */
final class ErrorLog {
    static final int ENTRY_BYTES = 64;

    private static final long COUNT = LiveState.ERRORS - 8;

    private final MemorySegment memory;

    ErrorLog(LiveState live) {
        memory = live.memory();
    }

    /** Errors so far. */
    long count() {
        return memory.get(LE64, COUNT);
    }

    void add(int queue, int commandId, int status, long block, int namespaceId) {
        long number = count() + 1;
        long entry = entry(number);
        memory.set(LE64, entry, number);
        memory.set(LE32, entry + 8, queue | commandId << 16);
        memory.set(LE32, entry + 12, status << 1 & 0xffff | 0xffff_0000);
        memory.set(LE64, entry + 16, block);
        memory.set(LE32, entry + 24, namespaceId);
        memory.set(LE64, COUNT, number);
    }

    /** Copies entries, the newest first. */
    void copyTo(MemorySegment page) {
        long number = count();
        for (int n = 0; n < Limits.ERROR_ENTRIES && number - n > 0; n++) {
            MemorySegment.copy(
                    memory, entry(number - n), page, (long) ENTRY_BYTES * n, ENTRY_BYTES);
        }
    }

    private static long entry(long number) {
        return LiveState.ERRORS + ENTRY_BYTES * (number % Limits.ERROR_ENTRIES);
    }
}
