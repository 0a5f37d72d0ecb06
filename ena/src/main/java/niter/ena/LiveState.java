package niter.ena;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The half of the adapter's state that changes with every packet: doorbells, positions, interrupt
 * state and counters. Whoever takes over reads it after a kill between any two stores. What is
 * about to be written into a completion ring is announced first ({@link #announce}); a successor
 * writes the same bytes to the same place again, which a driver that has taken them does not look
 * at, and moves the positions on.
 *
 * <p>Not final, so that a test can end the process between any two stores.
 */
class LiveState {
    static final long BYTES = 4096;

    /** Completions that one announcement holds. */
    static final int MAX_ENTRIES = Limits.REPORTED_DESCRIPTORS;

    private static final VarHandle INT = JAVA_INT.varHandle();

    private static final long LIFE = 0;
    private static final long ANSWERS_POSTED = 4;
    private static final long ADMIN_TAIL = 8;
    private static final long EVENT_HEAD = 12;
    private static final long EVENTS_PRODUCED = 16;
    private static final long LINK = 20;
    private static final long RESET_WANTED = 24;
    private static final long TRANSMITS = 64;
    private static final long RECEIVES = TRANSMITS + 32L * Limits.PAIRS;
    private static final long SUBMISSION_BYTES = 32;
    private static final long Q_EPOCH = 0;
    private static final long Q_TAIL = 4;
    private static final long Q_CONSUMED = 8;
    private static final long Q_META = 16; // words 1 and 2 of the last meta descriptor
    private static final long COMPLETIONS = RECEIVES + SUBMISSION_BYTES * Limits.PAIRS;
    private static final long COMPLETION_BYTES = 8;
    private static final long C_PRODUCED = 4;
    private static final long VECTORS = COMPLETIONS + COMPLETION_BYTES * Limits.COMPLETION_QUEUES;
    private static final long VECTOR_BYTES = 16;
    private static final long V_UNMASKED = 0;
    private static final long V_PENDING = 4;
    private static final long V_DELAYS = 8;
    private static final long COUNTERS = 1024;

    /** Zero in the segments of builds that counted them elsewhere: those are read as they are. */
    private static final long EXCEEDED = 1536;

    private static final long INTENT = 2048;
    private static final long I_KIND = INTENT;
    private static final long I_QUEUE = INTENT + 4;
    private static final long I_CONSUMED = INTENT + 8;
    private static final long I_COUNT = INTENT + 12;
    private static final long I_FIRST = INTENT + 16;
    private static final long I_ENTRIES = INTENT + 64;

    /** What an announcement is about. */
    static final int NOTHING = 0;

    static final int TRANSMITTED = 1;
    static final int RECEIVED = 2;
    static final int EVENT = 3;

    private final MemorySegment memory;

    LiveState(MemorySegment memory) {
        this.memory = memory;
    }

    final MemorySegment memory() {
        return memory;
    }

    /** Everything at power-on but the counters' life. */
    void clear() {
        set(I_KIND, NOTHING); // first: no announcement of rings that are gone
        memory.asSlice(ANSWERS_POSTED, COUNTERS - ANSWERS_POSTED).fill((byte) 0);
    }

    /** Counters start at zero with each life of the device. */
    void begin(int life) {
        if (memory.get(JAVA_INT, LIFE) != life) {
            memory.asSlice(COUNTERS, 8L * Counter.COUNT).fill((byte) 0);
            set(LIFE, life);
        }
    }

    final int answersPosted() {
        return memory.get(JAVA_INT, ANSWERS_POSTED);
    }

    void answersPosted(int number) {
        set(ANSWERS_POSTED, number);
    }

    final int adminTail() {
        return (int) INT.getAcquire(memory, ADMIN_TAIL) & 0xffff;
    }

    void adminTail(int tail) {
        set(ADMIN_TAIL, tail);
    }

    /** Events up to this count may be written; a 16-bit counter. */
    final int eventHead() {
        return (int) INT.getAcquire(memory, EVENT_HEAD) & 0xffff;
    }

    void eventHead(int head) {
        set(EVENT_HEAD, head);
    }

    final int eventsProduced() {
        return memory.get(JAVA_INT, EVENTS_PRODUCED);
    }

    /** The link state that the driver was told: 0 nothing yet, 1 down, 2 up. */
    final int linkTold() {
        return memory.get(JAVA_INT, LINK);
    }

    void linkTold(int told) {
        set(LINK, told);
    }

    /** Whether the driver is to reset the device. */
    final boolean resetWanted() {
        return memory.get(JAVA_INT, RESET_WANTED) != 0;
    }

    void resetWanted(boolean wanted) {
        set(RESET_WANTED, wanted ? 1 : 0);
    }

    // ---- submission queues

    private static long submissionAt(boolean transmit, int index) {
        return (transmit ? TRANSMITS : RECEIVES) + SUBMISSION_BYTES * index;
    }

    final int submissionEpoch(boolean transmit, int index) {
        return memory.get(JAVA_INT, submissionAt(transmit, index) + Q_EPOCH);
    }

    /** A new queue: everything at zero, then its epoch. */
    void startSubmission(boolean transmit, int index, int epoch) {
        long at = submissionAt(transmit, index);
        memory.asSlice(at + Q_TAIL, SUBMISSION_BYTES - Q_TAIL).fill((byte) 0);
        set(at + Q_EPOCH, epoch);
    }

    /** As last rung; a 16-bit counter. */
    final int tail(boolean transmit, int index) {
        return (int) INT.getAcquire(memory, submissionAt(transmit, index) + Q_TAIL) & 0xffff;
    }

    void tail(boolean transmit, int index, int value) {
        set(submissionAt(transmit, index) + Q_TAIL, value);
    }

    /** Descriptors taken, a 16-bit counter. */
    final int consumed(boolean transmit, int index) {
        return memory.get(JAVA_INT, submissionAt(transmit, index) + Q_CONSUMED) & 0xffff;
    }

    final int metaWord(int index, int word) {
        return memory.get(JAVA_INT, submissionAt(true, index) + Q_META + 4L * word);
    }

    /** The geometry that packets without a meta descriptor of their own use. */
    void meta(int index, int word1, int word2) {
        long at = submissionAt(true, index) + Q_META;
        memory.set(JAVA_INT, at, word1);
        memory.set(JAVA_INT, at + 4, word2);
    }

    // ---- completion queues

    private static long completionAt(int index) {
        return COMPLETIONS + COMPLETION_BYTES * index;
    }

    final int completionEpoch(int index) {
        return memory.get(JAVA_INT, completionAt(index));
    }

    void startCompletion(int index, int epoch) {
        memory.set(JAVA_INT, completionAt(index) + C_PRODUCED, 0);
        set(completionAt(index), epoch);
    }

    /** Completions written; a 32-bit counter. */
    final int produced(int index) {
        return memory.get(JAVA_INT, completionAt(index) + C_PRODUCED);
    }

    // ---- announcements

    /** Where the entries of the next announcement are to be written. */
    final long entries() {
        return I_ENTRIES;
    }

    /**
     * Announces completions that lie at {@link #entries}.
     *
     * @param queue the submission queue's index, or the event ring's 0
     * @param consumed what {@link #consumed} becomes
     * @param first position of the first completion
     */
    void announce(int kind, int queue, int consumed, int first, int count) {
        memory.set(JAVA_INT, I_QUEUE, queue);
        memory.set(JAVA_INT, I_CONSUMED, consumed);
        memory.set(JAVA_INT, I_FIRST, first);
        memory.set(JAVA_INT, I_COUNT, count);
        set(I_KIND, kind);
    }

    final int announcedKind() {
        return memory.get(JAVA_INT, I_KIND);
    }

    final int announcedQueue() {
        return memory.get(JAVA_INT, I_QUEUE);
    }

    final int announcedFirst() {
        return memory.get(JAVA_INT, I_FIRST);
    }

    final int announcedCount() {
        return memory.get(JAVA_INT, I_COUNT);
    }

    /** Moves the positions to where the announcement says; may be repeated. */
    final void apply(int completionQueue) {
        int after = announcedFirst() + announcedCount();
        int kind = announcedKind();
        if (kind == EVENT) {
            eventsProduced(after);
        } else if (kind != NOTHING) {
            produced(completionQueue, after);
            consumed(kind == TRANSMITTED, announcedQueue(), memory.get(JAVA_INT, I_CONSUMED));
        }
    }

    void produced(int index, int after) {
        set(completionAt(index) + C_PRODUCED, after);
    }

    void consumed(boolean transmit, int index, int position) {
        set(submissionAt(transmit, index) + Q_CONSUMED, position);
    }

    void eventsProduced(int after) {
        set(EVENTS_PRODUCED, after);
    }

    /** The announcement is fulfilled. */
    void withdraw() {
        set(I_KIND, NOTHING);
    }

    // ---- interrupts

    private static long vectorAt(int vector) {
        return VECTORS + VECTOR_BYTES * vector;
    }

    final boolean unmasked(int vector) {
        return (int) INT.getAcquire(memory, vectorAt(vector) + V_UNMASKED) != 0;
    }

    void unmasked(int vector, boolean unmasked) {
        set(vectorAt(vector) + V_UNMASKED, unmasked ? 1 : 0);
    }

    final boolean pending(int vector) {
        return memory.get(JAVA_INT, vectorAt(vector) + V_PENDING) != 0;
    }

    void pending(int vector, boolean pending) {
        set(vectorAt(vector) + V_PENDING, pending ? 1 : 0);
    }

    /** Receive [14:0] and transmit [29:15] delay in µs. */
    final int delays(int vector) {
        return memory.get(JAVA_INT, vectorAt(vector) + V_DELAYS);
    }

    void delays(int vector, int value) {
        set(vectorAt(vector) + V_DELAYS, value);
    }

    // ---- counters

    /** Counters of one life of the device. */
    enum Counter {
        TX_BYTES,
        TX_PACKETS,
        RX_BYTES,
        RX_PACKETS,
        RX_DROPS,
        TX_DROPS,
        RX_OVERRUNS;

        static final int COUNT = 7;
    }

    final long counter(Counter counter) {
        return memory.get(JAVA_LONG, COUNTERS + 8L * counter.ordinal());
    }

    final void count(Counter counter, long more) {
        memory.set(JAVA_LONG, COUNTERS + 8L * counter.ordinal(), counter(counter) + more);
    }

    /** Packets beyond an allowance in all lives of the device: no reset forgets them. */
    final long exceeded(Allowance allowance) {
        return memory.get(JAVA_LONG, EXCEEDED + 8L * allowance.ordinal());
    }

    final void exceed(Allowance allowance) {
        memory.set(JAVA_LONG, EXCEEDED + 8L * allowance.ordinal(), exceeded(allowance) + 1);
    }

    private void set(long offset, int value) {
        INT.setRelease(memory, offset, value);
    }
}
