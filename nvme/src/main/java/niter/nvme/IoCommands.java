package niter.nvme;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** NVM commands, from the private copy in the in-flight table. NVM Command Set 1.1, section 3.2. */
final class IoCommands {
    /** The command is running: it completes later. */
    static final int STARTED = -1;

    private static final int FLUSH = 0x00;
    private static final int WRITE = 0x01;
    private static final int READ = 0x02;
    private static final int WRITE_ZEROES = 0x08;
    private static final int DATASET_MANAGEMENT = 0x09;

    private static final int ALL_NAMESPACES = -1;
    private static final int FORCE_UNIT_ACCESS = 1 << 30;
    private static final int MAY_DEALLOCATE = 1 << 25;
    private static final int DEALLOCATE = 1 << 2;
    private static final long PAIRS_BYTES = 16L * Limits.SEGMENTS;

    private final Namespace namespace;
    private final NvmeOptions options;
    private final SlotState slot;
    private final LiveState live;
    private final PrpReader prps;
    private final Statistics statistics;
    private final Deallocation deallocation;
    private final MemorySegment memory;
    private final MemorySegment[] pairs = new MemorySegment[Limits.TAGS];

    private int running;

    IoCommands(
            Namespace namespace,
            NvmeOptions options,
            SlotState slot,
            LiveState live,
            PrpReader prps,
            Statistics statistics,
            Deallocation deallocation) {
        this.namespace = namespace;
        this.options = options;
        this.slot = slot;
        this.live = live;
        this.prps = prps;
        this.statistics = statistics;
        this.deallocation = deallocation;
        this.memory = live.memory();
        MemorySegment all = Arena.ofAuto().allocate(PAIRS_BYTES * Limits.TAGS, 8);
        for (int tag = 0; tag < Limits.TAGS; tag++) {
            pairs[tag] = all.asSlice(PAIRS_BYTES * tag, PAIRS_BYTES);
        }
    }

    /** Operations that the namespace has not finished. */
    int running() {
        return running;
    }

    /**
     * Checks and starts a command that is in flight.
     *
     * @return {@link #STARTED}, or the status to complete it with
     */
    int start(int tag) {
        long at = live.command(tag);
        int opcode = SubmissionEntry.opcode(memory, at);
        if (SubmissionEntry.flags(memory, at) != 0) { // neither fused commands nor SGLs
            return Status.INVALID_FIELD;
        }
        int id = SubmissionEntry.namespaceId(memory, at);
        if (id != 1 && !(id == ALL_NAMESPACES && opcode == FLUSH)) {
            return Status.INVALID_NAMESPACE;
        }
        if (opcode != READ && live.writesLost()) {
            return Status.WRITES_LOST;
        }
        return switch (opcode) {
            case FLUSH -> prepare(Namespace.Operation.FLUSH, tag, 0, 0, 0);
            case WRITE, READ -> transfer(tag, at, opcode == WRITE);
            case WRITE_ZEROES -> options.writeZeroes() ? zero(tag, at) : Status.INVALID_OPCODE;
            case DATASET_MANAGEMENT ->
                    options.deallocate() ? deallocate(tag, at) : Status.INVALID_OPCODE;
            default -> Status.INVALID_OPCODE;
        };
    }

    private int transfer(int tag, long at, boolean write) {
        int dword12 = SubmissionEntry.dword(memory, at, 12);
        int blocks = (dword12 & 0xffff) + 1;
        long first = SubmissionEntry.startingBlock(memory, at);
        if (blocks > Limits.TRANSFER_BYTES >> Limits.BLOCK_SHIFT) {
            return Status.INVALID_FIELD;
        }
        if (outside(first, blocks)) {
            return Status.LBA_OUT_OF_RANGE;
        }
        int bytes = blocks << Limits.BLOCK_SHIFT;
        int count =
                prps.translate(
                        SubmissionEntry.prp1(memory, at),
                        SubmissionEntry.prp2(memory, at),
                        bytes,
                        !write,
                        pairs[tag]);
        if (count < 0) {
            return -count;
        }
        Namespace.Operation operation =
                !write
                        ? Namespace.Operation.READ
                        : isForced(dword12)
                                ? Namespace.Operation.WRITE_FUA
                                : Namespace.Operation.WRITE;
        return prepare(operation, tag, first << Limits.BLOCK_SHIFT, bytes, count);
    }

    /** Whether a write is to be durable when it completes. */
    private boolean isForced(int dword12) {
        return (dword12 & FORCE_UNIT_ACCESS) != 0 || slot.feature(Features.WRITE_CACHE) == 0;
    }

    /** What a failure of the command is judged as: whether it was to make data durable. */
    private Namespace.Operation synced(int opcode, long at) {
        if (opcode == FLUSH) {
            return Namespace.Operation.FLUSH;
        }
        boolean writes = opcode == WRITE || opcode == WRITE_ZEROES;
        return writes && isForced(SubmissionEntry.dword(memory, at, 12))
                ? Namespace.Operation.WRITE_FUA
                : Namespace.Operation.WRITE;
    }

    private int zero(int tag, long at) {
        int dword12 = SubmissionEntry.dword(memory, at, 12);
        int blocks = (dword12 & 0xffff) + 1;
        long first = SubmissionEntry.startingBlock(memory, at);
        if (outside(first, blocks)) {
            return Status.LBA_OUT_OF_RANGE;
        }
        boolean deallocate = options.deallocate() && (dword12 & MAY_DEALLOCATE) != 0;
        return prepare(
                isForced(dword12)
                        ? Namespace.Operation.WRITE_ZEROES_FUA // it may deallocate, it need not
                        : deallocate
                                ? Namespace.Operation.DEALLOCATE
                                : Namespace.Operation.WRITE_ZEROES,
                tag,
                first << Limits.BLOCK_SHIFT,
                (long) blocks << Limits.BLOCK_SHIFT,
                0);
    }

    private int deallocate(int tag, long at) {
        if ((SubmissionEntry.dword(memory, at, 11) & DEALLOCATE) == 0) {
            return Status.SUCCESS; // hints about access are no promise
        }
        deallocation.add(tag);
        return STARTED;
    }

    /** Blocks are unsigned 64-bit numbers; what overflows is outside. */
    private boolean outside(long first, int blocks) {
        long size = namespace.sizeBytes() >>> Limits.BLOCK_SHIFT;
        return first < 0 || first > size - blocks;
    }

    private int prepare(
            Namespace.Operation operation, int tag, long offset, long bytes, int count) {
        running++;
        statistics.running(running);
        namespace.prepare(operation, tag, offset, bytes, pairs[tag], count);
        return STARTED;
    }

    /** A flush of our own, for a shutdown; its tag has no entry in the in-flight table. */
    void flush(int tag) {
        prepare(Namespace.Operation.FLUSH, tag, 0, 0, 0);
    }

    void flushed(int errno) {
        running--;
        if (Namespace.losesWrites(Namespace.Operation.FLUSH, errno)) {
            live.loseWrites();
        }
    }

    /**
     * The namespace has finished an operation.
     *
     * @return {@link #STARTED} where the command goes on, or the status to complete it with
     */
    int finished(int tag, int errno, long nowNanos) {
        running--;
        statistics.running(running);
        long at = live.command(tag);
        int opcode = SubmissionEntry.opcode(memory, at);
        if (opcode == DATASET_MANAGEMENT) {
            deallocation.finished(errno);
            return STARTED;
        }
        if (errno == 0 && (opcode == READ || opcode == WRITE)) {
            long bytes =
                    (SubmissionEntry.dword(memory, at, 12) & 0xffffL) + 1 << Limits.BLOCK_SHIFT;
            statistics.count(opcode == WRITE, bytes, nowNanos - live.entryStartNanos(tag));
        } else if (errno != 0) {
            statistics.countError();
            if (Namespace.losesWrites(synced(opcode, at), errno)) {
                live.loseWrites();
                return Status.WRITES_LOST;
            }
        } else if (opcode == FLUSH) {
            statistics.countFlush();
        }
        return Status.of(errno, opcode == READ);
    }

    /** Goes on with deallocations. @return see {@link Deallocation#advance} */
    int advance() {
        int status = deallocation.advance();
        if (status == STARTED) {
            running++;
        }
        return status;
    }
}
