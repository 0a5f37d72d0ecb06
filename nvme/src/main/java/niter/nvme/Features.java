package niter.nvme;

import java.lang.foreign.MemorySegment;

/** Set and Get Features. NVMe Base 2.2, sections 5.1.25 and 5.1.11. In an open transaction. */
final class Features {
    static final int WRITE_CACHE = 0x06;
    static final int EVENT_CONFIGURATION = 0x0b;

    private static final int ARBITRATION = 0x01;
    private static final int POWER_MANAGEMENT = 0x02;
    private static final int TEMPERATURE_THRESHOLD = 0x04;
    private static final int ERROR_RECOVERY = 0x05;
    private static final int QUEUES = 0x07;
    private static final int COALESCING = 0x08;
    private static final int VECTOR = 0x09;
    private static final int WRITE_ATOMICITY = 0x0a;

    private static final int QUEUES_GRANTED =
            Limits.IO_QUEUES - 1 | Limits.IO_QUEUES - 1 << 16; // both 0-based
    private static final int NEVER_HOT = 0xffff;

    private final SlotState slot;
    private final Queues queues;

    Features(SlotState slot, Queues queues) {
        this.slot = slot;
        this.queues = queues;
    }

    /** What a reset leaves. */
    void reset() {
        slot.feature(WRITE_CACHE, 1);
        slot.feature(TEMPERATURE_THRESHOLD, NEVER_HOT);
    }

    Outcome get(MemorySegment command) {
        int dword10 = SubmissionEntry.dword(command, 0, 10);
        int id = dword10 & 0xff;
        if ((dword10 >>> 8 & 7) != 0) { // only current values: ONCS bit 4 is 0
            return Outcome.failed(Status.INVALID_FIELD);
        }
        return switch (id) {
            case QUEUES -> new Outcome.Done(QUEUES_GRANTED);
            case VECTOR -> {
                int vector = SubmissionEntry.dword(command, 0, 11) & 0xffff;
                yield vector >= Limits.QUEUES
                        ? Outcome.failed(Status.INVALID_FIELD)
                        : new Outcome.Done(
                                vector | (slot.coalescingDisabled(vector) ? 1 << 16 : 0));
            }
            case TEMPERATURE_THRESHOLD -> new Outcome.Done(threshold(command));
            default ->
                    known(id)
                            ? new Outcome.Done(slot.feature(id))
                            : Outcome.failed(Status.INVALID_FIELD);
        };
    }

    /** Over-temperature threshold of the composite sensor; others are 0. */
    private int threshold(MemorySegment command) {
        return (SubmissionEntry.dword(command, 0, 11) >>> 16 & 0x3f) == 0
                ? slot.feature(TEMPERATURE_THRESHOLD)
                : 0;
    }

    Outcome set(MemorySegment command) {
        int dword10 = SubmissionEntry.dword(command, 0, 10);
        int dword11 = SubmissionEntry.dword(command, 0, 11);
        int id = dword10 & 0xff;
        if (dword10 < 0) { // SV
            return Outcome.failed(Status.FEATURE_NOT_SAVEABLE);
        }
        return switch (id) {
            case QUEUES -> queues(dword11);
            case VECTOR -> {
                int vector = dword11 & 0xffff;
                if (vector >= Limits.QUEUES) {
                    yield Outcome.failed(Status.INVALID_FIELD);
                }
                slot.coalescingDisabled(vector, (dword11 & 1 << 16) != 0);
                yield Outcome.SUCCESS;
            }
            case TEMPERATURE_THRESHOLD -> {
                if (dword11 >>> 16 == 0) {
                    slot.feature(id, dword11 & 0xffff);
                }
                yield Outcome.SUCCESS;
            }
            case WRITE_CACHE -> store(id, dword11 & 1);
            case POWER_MANAGEMENT ->
                    (dword11 & 0x1f) > 1
                            ? Outcome.failed(Status.INVALID_FIELD)
                            : store(id, dword11 & 0x1f);
            default -> known(id) ? store(id, dword11) : Outcome.failed(Status.INVALID_FIELD);
        };
    }

    private Outcome store(int id, int value) {
        slot.feature(id, value);
        return Outcome.SUCCESS;
    }

    /** Grants the same number whatever is asked for; more than asked is allowed. */
    private Outcome queues(int dword11) {
        if (queues.active.length > 0 || queues.activeCompletions.length > 1) {
            return Outcome.failed(Status.SEQUENCE_ERROR);
        }
        if ((dword11 & 0xffff) == 0xffff || dword11 >>> 16 == 0xffff) {
            return Outcome.failed(Status.INVALID_FIELD);
        }
        return new Outcome.Done(QUEUES_GRANTED);
    }

    private static boolean known(int id) {
        return switch (id) {
            case ARBITRATION,
                    POWER_MANAGEMENT,
                    TEMPERATURE_THRESHOLD,
                    ERROR_RECOVERY,
                    WRITE_CACHE,
                    COALESCING,
                    WRITE_ATOMICITY,
                    EVENT_CONFIGURATION ->
                    true;
            default -> false;
        };
    }
}
