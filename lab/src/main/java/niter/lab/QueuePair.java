package niter.lab;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import niter.linux.Memory;

/**
 * A submission queue and its completion queue in guest memory, as a driver has them. NVMe Base 2.2,
 * sections 3.3.1 and 4. For one thread.
 */
final class QueuePair {
    private static final MemorySegment ALL = Memory.all();
    private static final VarHandle INT = JAVA_INT.varHandle();
    private static final int SUBMISSION_BYTES = 64;
    private static final int COMPLETION_BYTES = 16;

    final int id;
    final int entries;

    /** Where the device finds them. */
    final long submissions;

    final long completions;

    private final long submissionAt;
    private final long completionAt;
    private int tail;
    private int head;
    private int phase = 1;

    /**
     * A pair that no controller knows yet.
     *
     * @param entries of each of the two
     */
    QueuePair(int id, int entries, GuestMemory memory) {
        this.id = id;
        this.entries = entries;
        submissions = memory.allocate((long) SUBMISSION_BYTES * entries);
        completions = memory.allocate((long) COMPLETION_BYTES * entries);
        submissionAt = memory.address(submissions);
        completionAt = memory.address(completions);
    }

    /**
     * Empty again. Linux does this once both queues are made, so until then the last entries of the
     * pair's former life lie where the controller posts.
     */
    void restart() {
        ALL.asSlice(completionAt, (long) COMPLETION_BYTES * entries).fill((byte) 0);
        tail = 0;
        head = 0;
        phase = 1;
    }

    /**
     * Puts a command into the ring, without ringing.
     *
     * @param first opcode and command id: its first dword
     */
    void put(
            int first, int namespace, long prp1, long prp2, int dword10, int dword11, int dword12) {
        long at = submissionAt + (long) SUBMISSION_BYTES * tail;
        ALL.asSlice(at, SUBMISSION_BYTES).fill((byte) 0);
        ALL.set(JAVA_INT_UNALIGNED, at, first);
        ALL.set(JAVA_INT_UNALIGNED, at + 4, namespace);
        ALL.set(JAVA_LONG_UNALIGNED, at + 24, prp1);
        ALL.set(JAVA_LONG_UNALIGNED, at + 32, prp2);
        ALL.set(JAVA_INT_UNALIGNED, at + 40, dword10);
        ALL.set(JAVA_INT_UNALIGNED, at + 44, dword11);
        ALL.set(JAVA_INT_UNALIGNED, at + 48, dword12);
        tail = tail + 1 == entries ? 0 : tail + 1;
    }

    int tail() {
        return tail;
    }

    int head() {
        return head;
    }

    /** Whether the controller has posted a completion that was not taken yet. */
    boolean isCompleted() {
        return (last() >>> 16 & 1) == phase;
    }

    /** Command id [15:0] and status [31:17] of that completion. */
    int last() {
        return (int) INT.getAcquire(ALL, completionAt + (long) COMPLETION_BYTES * head + 12);
    }

    /** Its dword 0. */
    int result() {
        return ALL.get(JAVA_INT_UNALIGNED, completionAt + (long) COMPLETION_BYTES * head);
    }

    /** Gives its entry back; the doorbell is the caller's. */
    void take() {
        head = head + 1 == entries ? 0 : head + 1;
        phase ^= head == 0 ? 1 : 0;
    }
}
