package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import niter.linux.MessageHeader;
import niter.linux.UnixSocket;

/**
 * The MSI-X table of a detachable function, and the interrupts that it makes: the client, who does
 * not know of it, is asked to write the vector's data to the vector's address (DMA_WRITE). For the
 * function's thread.
 *
 * <p>An entry: u64 address, u32 data, u32 control with the mask in bit 0 (PCI Local Bus 3.0,
 * section 6.8.2).
 */
final class MsixTable {
    static final int ENTRY_BYTES = 16;
    private static final int DATA = 8;
    private static final int CONTROL = 12;
    private static final int MASKED = 1;

    // The message: address, u64 count, data.
    private static final int MESSAGE_ADDRESS = Wire.HEADER_BYTES;
    private static final int MESSAGE_COUNT = MESSAGE_ADDRESS + 8;
    private static final int MESSAGE_DATA = MESSAGE_COUNT + 8;
    private static final int MESSAGE_BYTES = MESSAGE_DATA + 4;

    /** Of the socket's buffer, some 200 KiB: the rest is for replies, which must always fit. */
    private static final int UNREAD_BYTES = 64 * 1024;

    /** Messages between two looks at how much is unread; each takes less than a KiB of it. */
    private static final int LOOK_EVERY = 32;

    private final FunctionSegment segment;
    private final long table; // in a slot
    private final MemorySegment message;
    private final MessageHeader header;
    private int socket = -1;
    private int sent;
    private boolean heldUp;

    MsixTable(FunctionSegment segment) {
        this.segment = segment;
        table = segment.layout().msixTable();
        Arena arena = Arena.ofAuto(); // as long as this object
        message = arena.allocate(MESSAGE_BYTES, 8);
        message.set(JAVA_SHORT, Wire.COMMAND, (short) Wire.DMA_WRITE);
        message.set(JAVA_INT, Wire.SIZE, MESSAGE_BYTES);
        message.set(JAVA_INT, Wire.FLAGS, Wire.TYPE_COMMAND | Wire.NO_REPLY);
        message.set(JAVA_LONG, MESSAGE_COUNT, Integer.BYTES);
        header = MessageHeader.allocate(arena, 1, 0);
        header.iovec(0, message.address(), MESSAGE_BYTES);
    }

    /** Stages the power-on state: all vectors masked. Nothing where the table is the client's. */
    static void reset(FunctionSegment segment) {
        SegmentLayout layout = segment.layout();
        if (!layout.detachable()) {
            return;
        }
        MemorySegment slot = segment.stagedSlot();
        for (int i = 0; i < layout.vectors(); i++) {
            long entry = layout.msixTable() + (long) ENTRY_BYTES * i;
            slot.asSlice(entry, ENTRY_BYTES).fill((byte) 0);
            slot.set(JAVA_INT, entry + CONTROL, MASKED);
        }
    }

    /** Where interrupts are sent; -1 for nowhere. */
    void connect(int connection) {
        socket = connection;
        lookAgain();
    }

    /** Whether the client must read before it can be interrupted again. */
    boolean isHeldUp() {
        return heldUp;
    }

    /** The next interrupt finds out anew whether the client reads. */
    void lookAgain() {
        sent = 0;
        heldUp = false;
    }

    /** A byte of the table, as staged. */
    int read(long index) {
        return segment.stagedSlot().get(JAVA_BYTE, table + index) & 0xff;
    }

    /** Stages a guest's write of 1 to 8 bytes that lie in one entry; beyond the table, nothing. */
    void write(long index, int length, long value) {
        if (index < 0 || index + length > (long) ENTRY_BYTES * segment.layout().vectors()) {
            return; // the pending bits, which are read only
        }
        MemorySegment slot = segment.stagedSlot();
        for (int i = 0; i < length; i++) {
            int writable = writable((int) (index + i) % ENTRY_BYTES);
            slot.set(JAVA_BYTE, table + index + i, (byte) (value >>> 8 * i & writable));
        }
    }

    /** Bits of a byte that are not reserved: an address is a multiple of 4. */
    private static int writable(int index) {
        return switch (index) {
            case 0 -> 0xfc;
            case CONTROL -> MASKED;
            case CONTROL + 1, CONTROL + 2, CONTROL + 3 -> 0;
            default -> 0xff;
        };
    }

    /** Whether MSI-X is on, and neither the function nor the vector masked. */
    boolean isOpen(int vector) {
        MemorySegment slot = segment.visibleSlot();
        return ConfigSpace.isMsixOpen(slot, SegmentLayout.CONFIG)
                && (slot.get(JAVA_INT, entry(vector) + CONTROL) & MASKED) == 0;
    }

    private long entry(int vector) {
        return table + (long) ENTRY_BYTES * vector;
    }

    /**
     * Sends a vector's message, without waiting and without allocation.
     *
     * @return false where it is masked, or cannot be sent now
     */
    boolean interrupt(int vector) {
        if (socket < 0 || !isOpen(vector)) {
            return false;
        }
        if (sent % LOOK_EVERY == 0 && UnixSocket.unreadBytes(socket) > UNREAD_BYTES) {
            heldUp = true;
            return false;
        }
        MemorySegment slot = segment.visibleSlot();
        long entry = entry(vector);
        message.set(JAVA_SHORT, Wire.ID, (short) vector); // an error reply tells it
        message.set(JAVA_LONG, MESSAGE_ADDRESS, slot.get(JAVA_LONG, entry));
        message.set(JAVA_INT, MESSAGE_DATA, slot.get(JAVA_INT, entry + DATA));
        long result = UnixSocket.sendmsg(socket, header.address(), UnixSocket.MSG_DONTWAIT);
        heldUp = result != MESSAGE_BYTES; // of a connection's end hears who reads there
        sent = heldUp ? 0 : sent + 1;
        return !heldUp;
    }
}
