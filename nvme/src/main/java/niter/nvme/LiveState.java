package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The half of the controller's state that changes with every command: doorbells, queue positions,
 * the in-flight table and the completion intent. Whoever takes over reads it after a kill between
 * any two stores, so each store that others depend on is a release, and their order is the
 * protocol:
 *
 * <ul>
 *   <li>a command is in flight ({@link #enter}) before its queue's position moves; the entry
 *       carries the position, so a position that was not stored is found again
 *   <li>an intent ({@link #announce}) precedes a completion; {@link #posted}, {@link #leave} and
 *       {@link #withdraw} follow it, and may be repeated
 * </ul>
 *
 * <p>Not final, so that a test can end the process between any two of them.
 */
class LiveState {
    static final long BYTES = 40_960;

    /** No command in the table: the entry of an admin command or an event. */
    static final int NO_TAG = -1;

    static final int FREE = 0;
    static final int ISSUED = 1;

    /** Finished, but its completion could not be posted yet. */
    static final int DONE = 2;

    private static final VarHandle INT = LE32.varHandle();
    private static final VarHandle LONG = LE64.varHandle();

    private static final long ADMIN_POSTED = 0;
    private static final long INTENT_QUEUE = 8; // plus 1; 0 for none
    private static final long INTENT_POSITION = 12;
    private static final long INTENT_TAG = 16;
    private static final long INTENT_EPOCH = 20;
    private static final long INTENT_LAST = 24; // last dword of the completion
    static final long WRITES_LOST = 28; // 1 from then on

    private static final long QUEUES = 64;
    private static final long QUEUE_BYTES = 64;
    private static final long DOORBELL = 0; // submission tail, then completion head
    private static final long FETCHED = 8;
    private static final long COMPLETION_TAIL = 16;
    private static final long SQ_EPOCH = 20;
    private static final long CQ_EPOCH = 24;

    static final long ERRORS = 2240;
    static final long STATISTICS = 4096;

    private static final long ENTRIES = 8192;
    private static final long ENTRY_BYTES = 128;
    private static final long ENTRY_STATE = 64;
    private static final long ENTRY_QUEUE = 68;
    private static final long ENTRY_FETCHED = 72;
    private static final long ENTRY_EPOCH = 80;
    private static final long ENTRY_STATUS = 84;
    private static final long ENTRY_START = 88;

    private final MemorySegment memory;

    LiveState(MemorySegment memory) {
        this.memory = memory;
    }

    final MemorySegment memory() {
        return memory;
    }

    // ---- doorbells as written to BAR0

    /** Doorbell 2y is submission queue y's tail, 2y + 1 completion queue y's head. */
    void doorbell(int index, int value) {
        INT.setRelease(memory, doorbellAt(index), value);
    }

    final int doorbell(int index) {
        return (int) INT.getAcquire(memory, doorbellAt(index));
    }

    private static long doorbellAt(int index) {
        return QUEUES + QUEUE_BYTES * (index >> 1) + DOORBELL + 4L * (index & 1);
    }

    // ---- queues

    final int submissionEpoch(int queue) {
        return memory.get(LE32, at(queue, SQ_EPOCH));
    }

    void startSubmission(int queue, int epoch) {
        INT.setRelease(memory, doorbellAt(2 * queue), 0);
        LONG.setRelease(memory, at(queue, FETCHED), 0L);
        INT.setRelease(memory, at(queue, SQ_EPOCH), epoch);
    }

    final int completionEpoch(int queue) {
        return memory.get(LE32, at(queue, CQ_EPOCH));
    }

    void startCompletion(int queue, int epoch) {
        INT.setRelease(memory, doorbellAt(2 * queue + 1), 0);
        INT.setRelease(memory, at(queue, COMPLETION_TAIL), 0x1_0000);
        INT.setRelease(memory, at(queue, CQ_EPOCH), epoch);
    }

    /** Commands fetched so far [63:16] and the ring's head [15:0]. */
    final long fetched(int queue) {
        return memory.get(LE64, at(queue, FETCHED));
    }

    void fetched(int queue, long position) {
        LONG.setRelease(memory, at(queue, FETCHED), position);
    }

    /** Phase 16 and tail [15:0]. */
    final int completionTail(int queue) {
        return memory.get(LE32, at(queue, COMPLETION_TAIL));
    }

    private static long at(int queue, long field) {
        return QUEUES + QUEUE_BYTES * queue + field;
    }

    // ---- completions

    /** How many of {@link SlotState#resultNumber} were posted. */
    final int adminPosted() {
        return memory.get(LE32, ADMIN_POSTED);
    }

    void adminPosted(int number) {
        INT.setRelease(memory, ADMIN_POSTED, number);
    }

    /**
     * A completion is about to be posted.
     *
     * @param position phase and tail where it will be
     * @param last its last dword: command id, phase and status
     */
    void announce(int queue, int epoch, int position, int tag, int last) {
        memory.set(LE32, INTENT_POSITION, position);
        memory.set(LE32, INTENT_TAG, tag);
        memory.set(LE32, INTENT_EPOCH, epoch);
        memory.set(LE32, INTENT_LAST, last);
        announced(queue);
    }

    /** The last store of {@link #announce}: from here on the intent counts. */
    void announced(int queue) {
        INT.setRelease(memory, INTENT_QUEUE, queue + 1);
    }

    /** The queue of the announced completion, or -1 for none. */
    final int announcedQueue() {
        return memory.get(LE32, INTENT_QUEUE) - 1;
    }

    final int announcedPosition() {
        return memory.get(LE32, INTENT_POSITION);
    }

    final int announcedTag() {
        return memory.get(LE32, INTENT_TAG);
    }

    final int announcedEpoch() {
        return memory.get(LE32, INTENT_EPOCH);
    }

    final int announcedLast() {
        return memory.get(LE32, INTENT_LAST);
    }

    /** It was posted: the tail moves on. */
    void posted(int queue, int tail) {
        INT.setRelease(memory, at(queue, COMPLETION_TAIL), tail);
    }

    void withdraw() {
        INT.setRelease(memory, INTENT_QUEUE, 0);
        VarHandle.storeStoreFence(); // the next announcement's fields come after
    }

    /**
     * Whether a flush has failed in this function's life. The host's kernel says so once and
     * forgets the data: a later flush would succeed without them.
     */
    final boolean writesLost() {
        return memory.get(LE32, WRITES_LOST) != 0;
    }

    void loseWrites() {
        INT.setRelease(memory, WRITES_LOST, 1);
    }

    // ---- the in-flight table

    /** Offset of the entry's private copy of the command in {@link #memory}. */
    final long command(int tag) {
        return ENTRIES + ENTRY_BYTES * tag;
    }

    /**
     * Puts a command in flight.
     *
     * @param source guest memory
     * @param sourceAt where the command is in it; copied once
     * @param position of the queue after this command
     */
    void enter(
            int tag,
            int queue,
            int epoch,
            long position,
            long startNanos,
            MemorySegment source,
            long sourceAt) {
        long entry = command(tag);
        for (int at = 0; at < Limits.SUBMISSION_BYTES; at += Long.BYTES) { // too few for a call
            memory.set(LE64, entry + at, source.get(LE64, sourceAt + at));
        }
        memory.set(LE32, entry + ENTRY_QUEUE, queue);
        memory.set(LE64, entry + ENTRY_FETCHED, position);
        memory.set(LE32, entry + ENTRY_EPOCH, epoch);
        memory.set(LE64, entry + ENTRY_START, startNanos);
        entered(tag);
    }

    /** The last store of {@link #enter}: from here on the command is in flight. */
    void entered(int tag) {
        INT.setRelease(memory, command(tag) + ENTRY_STATE, ISSUED);
    }

    final int entryState(int tag) {
        return memory.get(LE32, command(tag) + ENTRY_STATE);
    }

    final int entryQueue(int tag) {
        return memory.get(LE32, command(tag) + ENTRY_QUEUE);
    }

    final long entryFetched(int tag) {
        return memory.get(LE64, command(tag) + ENTRY_FETCHED);
    }

    final int entryEpoch(int tag) {
        return memory.get(LE32, command(tag) + ENTRY_EPOCH);
    }

    final int entryStatus(int tag) {
        return memory.get(LE32, command(tag) + ENTRY_STATUS);
    }

    final long entryStartNanos(int tag) {
        return memory.get(LE64, command(tag) + ENTRY_START);
    }

    /** Finished; its completion has to wait. */
    void finish(int tag, int status) {
        memory.set(LE32, command(tag) + ENTRY_STATUS, status);
        INT.setRelease(memory, command(tag) + ENTRY_STATE, DONE);
    }

    void leave(int tag) {
        INT.setRelease(memory, command(tag) + ENTRY_STATE, FREE);
        VarHandle.storeStoreFence(); // the next command's fields come after
    }
}
