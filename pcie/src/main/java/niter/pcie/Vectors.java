package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import niter.linux.EventFd;
import niter.linux.LinuxException;
import org.jspecify.annotations.Nullable;

/**
 * MSI-X vectors: an eventfd each or, of a detachable function, an entry of its own table; and a
 * pending bit for what was fired while that led nowhere (PCI Local Bus 3.0, section 6.8.2.8). For
 * the function's thread.
 */
final class Vectors {
    private static final System.Logger LOG = System.getLogger(Vectors.class.getName());

    private final String id;
    private final FunctionSegment segment;
    private final HeldDescriptors descriptors;
    private final LogRation ration;
    private final int[] eventfds; // derived from the tokens in the segment; -1: none
    private final @Nullable MsixTable table; // of a detachable function, which has no eventfds

    Vectors(String id, FunctionSegment segment, HeldDescriptors descriptors, LogRation ration) {
        this.id = id;
        this.ration = ration;
        this.segment = segment;
        this.descriptors = descriptors;
        eventfds = new int[segment.layout().vectors()];
        Arrays.fill(eventfds, -1);
        table = segment.layout().detachable() ? new MsixTable(segment) : null;
    }

    int count() {
        return eventfds.length;
    }

    /** Whether all of these are: to write to anything else could wait for its other owners. */
    boolean areEventfds(long token, int count) {
        for (int i = 0; i < count; i++) {
            if (!EventFd.isEventFd(descriptors.number(token + i))) {
                return false;
            }
        }
        return true;
    }

    /** Stages an eventfd; token 0 takes it away. */
    void assign(int vector, long token) {
        segment.stagedSlot().set(JAVA_LONG, token(vector), token);
    }

    /** Stages that no vector has an eventfd. */
    void clear() {
        for (int i = 0; i < eventfds.length; i++) {
            assign(i, 0);
        }
    }

    /** The client's connection, to which a detachable function sends its interrupts; -1: none. */
    void connect(int socket) {
        if (table != null) {
            table.connect(socket);
        }
    }

    /** Whether an interrupt waits for the client to read: fire what is pending again, soon. */
    boolean isHeldUp() {
        return table != null && table.isHeldUp();
    }

    /** A byte of the table, as staged; 0 where it is the client's. */
    int tableByte(long index) {
        return table == null ? 0 : table.read(index);
    }

    /** Stages a guest's write; nothing where the table is the client's, or beyond it. */
    void writeTable(long index, int length, long value) {
        if (table != null) {
            table.write(index, length, value);
        }
    }

    /** Stages the table's power-on state and forgets what is pending. */
    void reset() {
        MsixTable.reset(segment);
        segment.liveState()
                .asSlice(SegmentLayout.PENDING, (eventfds.length + 7) / 8)
                .fill((byte) 0);
    }

    /** After a commit, or at a take-over: the eventfds that the segment names. */
    void refresh() {
        MemorySegment slot = segment.currentSlot();
        for (int i = 0; i < eventfds.length; i++) {
            long token = slot.get(JAVA_LONG, token(i));
            eventfds[i] = token == 0 ? -1 : descriptors.number(token);
        }
    }

    boolean refersTo(long token) {
        MemorySegment slot = segment.currentSlot();
        for (int i = 0; i < eventfds.length; i++) {
            if (slot.get(JAVA_LONG, token(i)) == token) {
                return true;
            }
        }
        return false;
    }

    /** Fires a vector, or leaves it pending. */
    void fire(int vector, boolean busMaster) {
        if (vector < 0 || vector >= eventfds.length) {
            throw new IndexOutOfBoundsException(vector); // the device's bug
        }
        if (!busMaster || !deliver(vector)) {
            setPending(vector, true);
        }
    }

    /**
     * The client has refused a vector's message. One that was on its way when the guest switched
     * bus mastering off is pending then, as if it had been fired a moment later; otherwise it went
     * to an address that is nowhere, which is the guest's mistake, or is of a time before a reset.
     *
     * @param vector as the client says: any number
     */
    void refused(int vector, boolean busMaster) {
        if (table != null && vector < eventfds.length && !busMaster && table.isOpen(vector)) {
            setPending(vector, true);
        }
    }

    /** False where it is to stay pending. */
    private boolean deliver(int vector) {
        return table == null ? signal(vector) : table.interrupt(vector);
    }

    private boolean signal(int vector) {
        if (eventfds[vector] < 0) {
            return false;
        }
        try {
            EventFd.signalShared(eventfds[vector]);
        } catch (LinuxException e) {
            // Of an earlier build, which took what is no eventfd: the client's loss alone.
            ration.log(
                    LOG,
                    System.Logger.Level.WARNING,
                    "{0}: vector {1}: {2}",
                    id,
                    vector,
                    e.getMessage());
        }
        return true;
    }

    /** Fires what is pending and can be fired now. */
    void firePending(boolean busMaster) {
        if (table != null) {
            table.lookAgain();
        }
        if (!busMaster) {
            return;
        }
        for (int i = 0; i < eventfds.length; i++) {
            // In this order: a kill between the two repeats an interrupt, and loses none.
            if (isPending(i) && deliver(i)) {
                setPending(i, false);
            }
        }
    }

    /** A byte of the pending bit array, 0 beyond it. */
    int pendingByte(long index) {
        return index < (eventfds.length + 7) / 8
                ? segment.liveState().get(JAVA_BYTE, SegmentLayout.PENDING + index) & 0xff
                : 0;
    }

    private boolean isPending(int vector) {
        return (pendingByte(vector >> 3) & 1 << (vector & 7)) != 0;
    }

    private void setPending(int vector, boolean pending) {
        int bit = 1 << (vector & 7);
        int old = pendingByte(vector >> 3);
        int now = pending ? old | bit : old & ~bit;
        segment.liveState().set(JAVA_BYTE, SegmentLayout.PENDING + (vector >> 3), (byte) now);
    }

    private static long token(int vector) {
        return SegmentLayout.VECTOR_TOKENS + 8L * vector;
    }
}
