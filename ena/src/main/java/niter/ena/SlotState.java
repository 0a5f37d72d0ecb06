package niter.ena;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import niter.pcie.FunctionState;

/**
 * The transactional half of the adapter's state: registers, queue table, features and the answer to
 * the last admin command. All zeroes is the power-on state.
 *
 * <p>An admin command's effects and its answer become valid in one commit, so a kill between them
 * cannot run the command twice: {@link #answers} differs from {@link LiveState#answersPosted} until
 * the answer was posted. An epoch names a queue's life; live state of another epoch is of an
 * earlier queue.
 */
final class SlotState {
    static final int LAYOUT_VERSION = 1;
    static final long BYTES = 4096;

    private static final long STATE = 0;
    private static final long RESET_DONE = 4;
    private static final long READ_ANSWER = 8;
    private static final long AQ_BASE = 16;
    private static final long ACQ_BASE = 24;
    private static final long AENQ_BASE = 32;
    private static final long AQ_CAPS = 40;
    private static final long ACQ_CAPS = 44;
    private static final long AENQ_CAPS = 48;
    private static final long INTERRUPT_MASK = 52;
    private static final long EPOCH = 56;
    private static final long ANSWERS = 64;
    private static final long GROUPS = 68;
    private static final long MTU = 72;
    private static final long LIFE = 76;
    private static final long ANSWER = 128; // 64 bytes
    private static final long RSS = 256;
    private static final long HASH_SELECTED = RSS;
    private static final long HASH_INITIAL = RSS + 4;
    private static final long HASH_KEY_SET = RSS + 8;
    private static final long TABLE_SET = RSS + 12;
    private static final long HASH_INPUTS_SET = RSS + 16;
    private static final long HASH_KEY = RSS + 24;
    private static final long TABLE = RSS + 64;
    private static final long HASH_INPUTS = TABLE + 2L * Limits.TABLE;
    private static final long COMPLETIONS = 1024;
    private static final long TRANSMITS = COMPLETIONS + 32L * Limits.COMPLETION_QUEUES;
    private static final long RECEIVES = TRANSMITS + 32L * Limits.PAIRS;
    private static final long QUEUE_BYTES = 32;
    private static final long Q_EPOCH = 0; // 0: there is none
    private static final long Q_DEPTH = 4;
    private static final long Q_BASE = 8;
    private static final long Q_COMPLETION = 16; // of a submission queue
    private static final long Q_VECTOR = 16; // of a completion queue
    private static final long Q_ENTRY_BYTES = 20;

    private final FunctionState state;
    private MemorySegment newest;

    SlotState(FunctionState state) {
        this.state = state;
        newest = state.current();
    }

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

    /** Outside of a transaction: what is valid. */
    void current() {
        newest = state.current();
    }

    /** Forgets all but how many lives there were, so that no queue's epoch comes twice. */
    void clear() {
        int epoch = get(EPOCH);
        int life = get(LIFE);
        newest.asSlice(0, BYTES).fill((byte) 0);
        set(EPOCH, epoch);
        set(LIFE, life + 1);
    }

    DeviceState deviceState() {
        return DeviceState.of(get(STATE));
    }

    void deviceState(DeviceState next) {
        set(STATE, next.ordinal());
    }

    boolean resetDone() {
        return get(RESET_DONE) != 0;
    }

    void resetDone(boolean done) {
        set(RESET_DONE, done ? 1 : 0);
    }

    /** Counts resets: counters of another life start at zero. */
    int life() {
        return get(LIFE);
    }

    /** Where readless register reads are answered; 0 for nowhere. */
    long readAnswer() {
        return newest.get(JAVA_LONG, READ_ANSWER);
    }

    /** Writes a half of a 64-bit register pair. */
    void half(Ring ring, boolean high, int value) {
        set(ring.base + (high ? 4 : 0), value);
    }

    /** A register pair of which the driver writes one half at a time. */
    enum Ring {
        ADMIN(AQ_BASE, AQ_CAPS),
        ANSWERS(ACQ_BASE, ACQ_CAPS),
        EVENTS(AENQ_BASE, AENQ_CAPS),
        READ(READ_ANSWER, -1);

        private final long base;
        private final long caps;

        Ring(long base, long caps) {
            this.base = base;
            this.caps = caps;
        }
    }

    long base(Ring ring) {
        return newest.get(JAVA_LONG, ring.base);
    }

    /** Entries [15:0], bytes of one [31:16]. */
    int caps(Ring ring) {
        return get(ring.caps);
    }

    void caps(Ring ring, int value) {
        set(ring.caps, value);
    }

    int interruptMask() {
        return get(INTERRUPT_MASK);
    }

    void interruptMask(int value) {
        set(INTERRUPT_MASK, value);
    }

    /** Commands answered in this life, and so the next one's place. */
    int answers() {
        return get(ANSWERS);
    }

    /** Stages an answer: it is to be posted. */
    void answer(MemorySegment entry) {
        MemorySegment.copy(entry, 0, newest, ANSWER, Limits.ADMIN_BYTES);
        set(ANSWERS, answers() + 1);
    }

    /** The last answer. */
    MemorySegment answer() {
        return newest.asSlice(ANSWER, Limits.ADMIN_BYTES);
    }

    /** Event groups that are switched on, a bit each. */
    int groups() {
        return get(GROUPS);
    }

    void groups(int value) {
        set(GROUPS, value);
    }

    /** The MTU that the driver set, 0 where it did not. */
    int mtu() {
        return get(MTU);
    }

    void mtu(int value) {
        set(MTU, value);
    }

    // ---- receive side scaling

    int hashInitial() {
        return get(HASH_INITIAL);
    }

    boolean hashKeySet() {
        return get(HASH_KEY_SET) != 0;
    }

    void hash(int selected, int initial) {
        set(HASH_SELECTED, selected);
        set(HASH_INITIAL, initial);
    }

    void hashKey(MemorySegment key, long at) {
        MemorySegment.copy(key, at, newest, HASH_KEY, Limits.KEY_BYTES);
        set(HASH_KEY_SET, 1);
    }

    int hashKeyByte(int index) {
        return newest.get(JAVA_BYTE, HASH_KEY + index) & 0xff;
    }

    boolean tableSet() {
        return get(TABLE_SET) != 0;
    }

    void tableSet(boolean set) {
        set(TABLE_SET, set ? 1 : 0);
    }

    /** The receive queue of an entry. */
    int table(int index) {
        return newest.get(JAVA_SHORT, TABLE + 2L * index) & 0xffff;
    }

    void table(int index, int queue) {
        newest.set(JAVA_SHORT, TABLE + 2L * index, (short) queue);
    }

    boolean hashInputsSet() {
        return get(HASH_INPUTS_SET) != 0;
    }

    int hashInput(int protocol) {
        return newest.get(JAVA_SHORT, HASH_INPUTS + 2L * protocol) & 0xffff;
    }

    void hashInput(int protocol, int fields) {
        newest.set(JAVA_SHORT, HASH_INPUTS + 2L * protocol, (short) fields);
        set(HASH_INPUTS_SET, 1);
    }

    // ---- queues

    private static long completionAt(int index) {
        return COMPLETIONS + QUEUE_BYTES * index;
    }

    private static long submissionAt(boolean transmit, int index) {
        return (transmit ? TRANSMITS : RECEIVES) + QUEUE_BYTES * index;
    }

    /** 0 where there is no such queue. */
    int completionEpoch(int index) {
        return get(completionAt(index) + Q_EPOCH);
    }

    int completionDepth(int index) {
        return get(completionAt(index) + Q_DEPTH);
    }

    long completionBase(int index) {
        return newest.get(JAVA_LONG, completionAt(index) + Q_BASE);
    }

    int completionVector(int index) {
        return get(completionAt(index) + Q_VECTOR);
    }

    int completionEntryBytes(int index) {
        return get(completionAt(index) + Q_ENTRY_BYTES);
    }

    void createCompletion(int index, int depth, int entryBytes, int vector, long base) {
        long at = completionAt(index);
        set(at + Q_EPOCH, nextEpoch());
        set(at + Q_DEPTH, depth);
        newest.set(JAVA_LONG, at + Q_BASE, base);
        set(at + Q_VECTOR, vector);
        set(at + Q_ENTRY_BYTES, entryBytes);
    }

    void destroyCompletion(int index) {
        set(completionAt(index) + Q_EPOCH, 0);
    }

    int submissionEpoch(boolean transmit, int index) {
        return get(submissionAt(transmit, index) + Q_EPOCH);
    }

    int submissionDepth(boolean transmit, int index) {
        return get(submissionAt(transmit, index) + Q_DEPTH);
    }

    long submissionBase(boolean transmit, int index) {
        return newest.get(JAVA_LONG, submissionAt(transmit, index) + Q_BASE);
    }

    int submissionCompletion(boolean transmit, int index) {
        return get(submissionAt(transmit, index) + Q_COMPLETION);
    }

    void createSubmission(boolean transmit, int index, int depth, int completion, long base) {
        long at = submissionAt(transmit, index);
        set(at + Q_EPOCH, nextEpoch());
        set(at + Q_DEPTH, depth);
        newest.set(JAVA_LONG, at + Q_BASE, base);
        set(at + Q_COMPLETION, completion);
    }

    void destroySubmission(boolean transmit, int index) {
        set(submissionAt(transmit, index) + Q_EPOCH, 0);
    }

    private int nextEpoch() {
        int epoch = get(EPOCH) + 1;
        if (epoch == 0) {
            epoch = 1;
        }
        set(EPOCH, epoch);
        return epoch;
    }

    private int get(long offset) {
        return newest.get(JAVA_INT, offset);
    }

    private void set(long offset, int value) {
        newest.set(JAVA_INT, offset, value);
    }
}
