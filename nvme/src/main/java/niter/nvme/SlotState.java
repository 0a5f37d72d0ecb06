package niter.nvme;

import java.lang.foreign.MemorySegment;
import niter.pcie.FunctionState;

/**
 * The transactional half of the controller's state: registers, features, queue table, events and
 * the result of the last admin command. All zeroes is the power-on state.
 *
 * <p>An admin command's effects and its result become valid in one commit, so a kill between them
 * cannot run the command twice: {@link #resultNumber} differs from {@link LiveState#adminPosted}
 * until its completion was posted.
 *
 * <p>An epoch names a queue's life. Live state of another epoch is of an earlier queue.
 */
final class SlotState {
    static final int LAYOUT_VERSION = 1;
    static final long BYTES = 4096;

    private static final long STATE = 0;
    private static final long READY = 4;
    private static final long CC = 8;
    private static final long INTERRUPT_MASK = 12;
    private static final long AQA = 16;
    private static final long ASQ = 24;
    private static final long ACQ = 32;
    private static final long EPOCH = 40;
    private static final long TAGS = 44;
    private static final long ADMIN_HEAD = 48;
    private static final long RESULT_NUMBER = 52;
    private static final long RESULT_COMMAND = 56;
    private static final long RESULT_DWORD = 60;
    private static final long RESULT_STATUS = 64;
    private static final long EVENT_REQUESTS = 68;
    private static final long EVENT_REQUEST = 72; // Limits.EVENT_REQUESTS × u32, room for 4
    private static final long EVENTS_PENDING = 88;
    private static final long EVENTS_MASKED = 92;
    private static final long NAMESPACE_CHANGED = 96;
    private static final long ANNOUNCED_BYTES = 104;
    private static final long SHADOW = 112;
    private static final long EVENT_INDEX = 120;
    private static final long SHADOWED = 128;
    private static final long FEATURES = 144; // u32 by feature identifier, 0 to 0Fh
    private static final long COALESCING_DISABLED = 208; // u64, a bit a vector
    private static final long QUEUES = 256;

    private static final long QUEUE_BYTES = 64;
    private static final long SQ_EPOCH = 0;
    private static final long SQ_SIZE = 4;
    private static final long SQ_BASE = 8;
    private static final long SQ_COMPLETION = 16;
    private static final long CQ_EPOCH = 32;
    private static final long CQ_SIZE = 36;
    private static final long CQ_BASE = 40;
    private static final long CQ_VECTOR = 48;
    private static final long CQ_INTERRUPTS = 52;

    private final FunctionState state;
    private MemorySegment newest;

    SlotState(FunctionState state) {
        this.state = state;
        this.newest = state.current();
    }

    /** Opens a transaction. */
    void begin() {
        state.begin();
        newest = state.staged();
    }

    void commit() {
        state.commit();
        newest = state.current();
    }

    /** In a message handler: the transaction is open, and someone else commits it. */
    void join() {
        newest = state.staged();
    }

    ControllerState controllerState() {
        return ControllerState.of(get(STATE));
    }

    /** The only writer of the state. */
    void become(ControllerState next) {
        ControllerState now = controllerState();
        if (!now.mayBecome(next)) {
            throw new IllegalStateException(now + " to " + next); // our bug, not the guest's
        }
        set(STATE, next.ordinal());
    }

    /** CSTS.RDY. */
    boolean ready() {
        return get(READY) != 0;
    }

    void ready(boolean ready) {
        set(READY, ready ? 1 : 0);
    }

    int configuration() {
        return get(CC);
    }

    void configuration(int value) {
        set(CC, value);
    }

    int interruptMask() {
        return get(INTERRUPT_MASK);
    }

    void interruptMask(int value) {
        set(INTERRUPT_MASK, value);
    }

    int adminSizes() {
        return get(AQA);
    }

    void adminSizes(int value) {
        set(AQA, value);
    }

    long adminSubmissionBase() {
        return getLong(ASQ);
    }

    void adminSubmissionBase(long value) {
        setLong(ASQ, value);
    }

    long adminCompletionBase() {
        return getLong(ACQ);
    }

    void adminCompletionBase(long value) {
        setLong(ACQ, value);
    }

    /** Commands in flight that the namespace offered when the controller was enabled. */
    int tags() {
        return get(TAGS);
    }

    void tags(int value) {
        set(TAGS, value);
    }

    int adminHead() {
        return get(ADMIN_HEAD);
    }

    void adminHead(int value) {
        set(ADMIN_HEAD, value);
    }

    /** Counts results of admin commands. */
    int resultNumber() {
        return get(RESULT_NUMBER);
    }

    int resultCommand() {
        return get(RESULT_COMMAND);
    }

    int resultDword() {
        return get(RESULT_DWORD);
    }

    int resultStatus() {
        return get(RESULT_STATUS);
    }

    /** What is to be posted to the admin completion queue next. */
    void result(int commandId, int dword, int status) {
        set(RESULT_COMMAND, commandId);
        set(RESULT_DWORD, dword);
        set(RESULT_STATUS, status);
        set(RESULT_NUMBER, resultNumber() + 1);
    }

    int eventRequests() {
        return get(EVENT_REQUESTS);
    }

    void addEventRequest(int commandId) {
        int count = eventRequests();
        set(EVENT_REQUEST + 4L * count, commandId);
        set(EVENT_REQUESTS, count + 1);
    }

    /** The command id of the newest Asynchronous Event Request; there is one. */
    int takeEventRequest() {
        int count = eventRequests() - 1;
        set(EVENT_REQUESTS, count);
        return get(EVENT_REQUEST + 4L * count);
    }

    int eventsPending() {
        return get(EVENTS_PENDING);
    }

    void eventsPending(int bits) {
        set(EVENTS_PENDING, bits);
    }

    int eventsMasked() {
        return get(EVENTS_MASKED);
    }

    void eventsMasked(int bits) {
        set(EVENTS_MASKED, bits);
    }

    boolean namespaceChanged() {
        return get(NAMESPACE_CHANGED) != 0;
    }

    void namespaceChanged(boolean changed) {
        set(NAMESPACE_CHANGED, changed ? 1 : 0);
    }

    /** The namespace's size that the guest knows or is being told, in bytes. */
    long announcedBytes() {
        return getLong(ANNOUNCED_BYTES);
    }

    void announcedBytes(long bytes) {
        setLong(ANNOUNCED_BYTES, bytes);
    }

    boolean shadowed() {
        return get(SHADOWED) != 0;
    }

    long shadow() {
        return getLong(SHADOW);
    }

    long eventIndex() {
        return getLong(EVENT_INDEX);
    }

    void shadow(long doorbells, long eventIndexes) {
        setLong(SHADOW, doorbells);
        setLong(EVENT_INDEX, eventIndexes);
        set(SHADOWED, 1);
    }

    int feature(int id) {
        return get(FEATURES + 4L * id);
    }

    void feature(int id, int value) {
        set(FEATURES + 4L * id, value);
    }

    boolean coalescingDisabled(int vector) {
        return (getLong(COALESCING_DISABLED) >>> vector & 1) != 0;
    }

    void coalescingDisabled(int vector, boolean disabled) {
        long bit = 1L << vector;
        long bits = getLong(COALESCING_DISABLED);
        setLong(COALESCING_DISABLED, disabled ? bits | bit : bits & ~bit);
    }

    /** 0 where there is no such queue. */
    int submissionEpoch(int queue) {
        return get(queue(queue) + SQ_EPOCH);
    }

    int submissionSize(int queue) {
        return get(queue(queue) + SQ_SIZE);
    }

    long submissionBase(int queue) {
        return getLong(queue(queue) + SQ_BASE);
    }

    int submissionCompletion(int queue) {
        return get(queue(queue) + SQ_COMPLETION);
    }

    void createSubmission(int queue, int size, long base, int completion) {
        set(queue(queue) + SQ_SIZE, size);
        setLong(queue(queue) + SQ_BASE, base);
        set(queue(queue) + SQ_COMPLETION, completion);
        set(queue(queue) + SQ_EPOCH, nextEpoch());
    }

    void deleteSubmission(int queue) {
        set(queue(queue) + SQ_EPOCH, 0);
    }

    /** 0 where there is no such queue. */
    int completionEpoch(int queue) {
        return get(queue(queue) + CQ_EPOCH);
    }

    int completionSize(int queue) {
        return get(queue(queue) + CQ_SIZE);
    }

    long completionBase(int queue) {
        return getLong(queue(queue) + CQ_BASE);
    }

    int completionVector(int queue) {
        return get(queue(queue) + CQ_VECTOR);
    }

    boolean completionInterrupts(int queue) {
        return get(queue(queue) + CQ_INTERRUPTS) != 0;
    }

    void createCompletion(int queue, int size, long base, int vector, boolean interrupts) {
        set(queue(queue) + CQ_SIZE, size);
        setLong(queue(queue) + CQ_BASE, base);
        set(queue(queue) + CQ_VECTOR, vector);
        set(queue(queue) + CQ_INTERRUPTS, interrupts ? 1 : 0);
        set(queue(queue) + CQ_EPOCH, nextEpoch());
    }

    void deleteCompletion(int queue) {
        set(queue(queue) + CQ_EPOCH, 0);
    }

    /**
     * Forgets what a controller reset ends: queues, requests, events, features, doorbell buffers.
     */
    void dropAll() {
        for (int queue = 0; queue < Limits.QUEUES; queue++) {
            deleteSubmission(queue);
            deleteCompletion(queue);
        }
        newest.asSlice(ADMIN_HEAD, RESULT_NUMBER - ADMIN_HEAD).fill((byte) 0);
        newest.asSlice(EVENT_REQUESTS, QUEUES - EVENT_REQUESTS).fill((byte) 0);
    }

    /** Power-on state, except for the epoch: what is live stays of an earlier one. */
    void clear() {
        int epoch = get(EPOCH);
        int number = resultNumber();
        newest.fill((byte) 0);
        set(EPOCH, epoch);
        set(RESULT_NUMBER, number);
    }

    private int nextEpoch() {
        int epoch = get(EPOCH) + 1;
        set(EPOCH, epoch == 0 ? 1 : epoch);
        return get(EPOCH);
    }

    private static long queue(int queue) {
        return QUEUES + QUEUE_BYTES * queue;
    }

    private int get(long at) {
        return newest.get(SubmissionEntry.LE32, at);
    }

    private void set(long at, int value) {
        newest.set(SubmissionEntry.LE32, at, value);
    }

    private long getLong(long at) {
        return newest.get(SubmissionEntry.LE64, at);
    }

    private void setLong(long at, long value) {
        newest.set(SubmissionEntry.LE64, at, value);
    }
}
