package niter.nvme;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** Get Log Page. NVMe Base 2.2, section 5.1.12. Never writes more than the page holds. */
final class LogPages {
    static final int ERRORS = 0x01;
    static final int HEALTH = 0x02;
    static final int FIRMWARE = 0x03;
    static final int CHANGED_NAMESPACES = 0x04;
    static final int STATISTICS = 0xd0;

    private static final int ALL_NAMESPACES = -1;
    private static final int RETAIN_EVENT = 1 << 15;

    private final SlotState slot;
    private final LiveState live;
    private final Statistics statistics;
    private final ErrorLog errors;
    private final HostBuffer host;
    private final Events events;
    private final InFlight inFlight;
    private final String firmware;
    private final MemorySegment page = Arena.ofAuto().allocate(4096, 8);

    LogPages(
            SlotState slot,
            LiveState live,
            Statistics statistics,
            ErrorLog errors,
            HostBuffer host,
            Events events,
            InFlight inFlight,
            String firmware) {
        this.slot = slot;
        this.live = live;
        this.statistics = statistics;
        this.errors = errors;
        this.host = host;
        this.events = events;
        this.inFlight = inFlight;
        this.firmware = firmware;
    }

    /** In an open transaction. */
    Outcome get(MemorySegment command) {
        int dword10 = SubmissionEntry.dword(command, 0, 10);
        int id = dword10 & 0xff;
        int size = size(id);
        if (size == 0) {
            return Outcome.failed(Status.INVALID_LOG_PAGE);
        }
        int namespace = SubmissionEntry.namespaceId(command, 0);
        if (namespace != 0 && namespace != 1 && namespace != ALL_NAMESPACES) {
            return Outcome.failed(Status.INVALID_NAMESPACE);
        }
        // Number of dwords, 0-based: lower half in dword 10, upper in 11.
        long dwords = (dword10 >>> 16) + ((long) SubmissionEntry.dword(command, 0, 11) << 16);
        long bytes = 4 * ((dwords & 0xffff_ffffL) + 1);
        long offset =
                SubmissionEntry.dword(command, 0, 12) & 0xffff_ffffL
                        | (long) SubmissionEntry.dword(command, 0, 13) << 32;
        if (offset < 0 || offset >= size || (offset & 3) != 0) {
            return Outcome.failed(Status.INVALID_FIELD);
        }
        fill(id);
        // EBS's own tool asks for more than its buffer holds: what is not there is not written.
        int length = (int) Math.min(bytes, size - offset);
        int status = host.write(command, 0, page, offset, length);
        if (status != Status.SUCCESS) {
            return Outcome.failed(status);
        }
        if ((dword10 & RETAIN_EVENT) == 0) {
            events.read(id);
        }
        return Outcome.SUCCESS;
    }

    private static int size(int id) {
        return switch (id) {
            case ERRORS -> ErrorLog.ENTRY_BYTES * Limits.ERROR_ENTRIES;
            case HEALTH, FIRMWARE -> 512;
            case CHANGED_NAMESPACES, STATISTICS -> 4096;
            default -> 0;
        };
    }

    private void fill(int id) {
        page.fill((byte) 0);
        switch (id) {
            case ERRORS -> errors.copyTo(page);
            case HEALTH -> health();
            case FIRMWARE -> {
                page.set(JAVA_BYTE, 0, (byte) 1); // slot 1 is active
                page.asSlice(8, 8).fill((byte) ' ');
                byte[] revision = firmware.getBytes(StandardCharsets.US_ASCII);
                MemorySegment.copy(revision, 0, page, JAVA_BYTE, 8, revision.length);
            }
            case CHANGED_NAMESPACES -> page.set(LE32, 0, slot.namespaceChanged() ? 1 : 0);
            default -> {
                statistics.queueLength(inFlight.used());
                MemorySegment.copy(live.memory(), LiveState.STATISTICS, page, 0, Statistics.BYTES);
            }
        }
    }

    private void health() {
        page.set(JAVA_BYTE, 1, (byte) 0x2c); // composite temperature, 300 K
        page.set(JAVA_BYTE, 2, (byte) 1);
        page.set(JAVA_BYTE, 3, (byte) 100); // available spare, per cent
        page.set(JAVA_BYTE, 4, (byte) 10); // its threshold
        page.set(LE64, 32, units(statistics.readBytes())); // data units read
        page.set(LE64, 48, units(statistics.writtenBytes()));
        page.set(LE64, 64, statistics.reads());
        page.set(LE64, 80, statistics.writes());
        page.set(LE64, 176, errors.count());
    }

    /** Thousands of 512-byte units, rounded up. */
    private static long units(long bytes) {
        return (bytes / 512 + 999) / 1000;
    }
}
