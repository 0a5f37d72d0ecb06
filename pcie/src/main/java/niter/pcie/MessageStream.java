package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.Failpoint;
import niter.linux.LinuxException;
import niter.linux.MessageHeader;
import niter.linux.UnixSocket;

/**
 * One connection's bytes, read so that a kill between any two lines loses and repeats nothing.
 * Messages are looked at with MSG_PEEK, applied, answered and only then taken out. Two counters say
 * how far each step came: <em>position</em>, bytes that were applied (in the slot, so valid
 * together with their effect), and <em>consumed</em>, bytes taken out (live). Before bytes are
 * taken out their number is written down; {@code msg_len}, which the kernel writes into the
 * segment, says whether they were. For the function's thread, except {@link #shutDown}.
 */
final class MessageStream implements AutoCloseable {
    /** What one look can see; doorbells are 36 bytes. */
    private static final int BUFFER_BYTES = 32 * 1024;

    private final Descriptor socket;
    private final FunctionSegment segment;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(BUFFER_BYTES, 64);
    private final MemorySegment discarded = arena.allocate(BUFFER_BYTES, 64);
    private final MessageHeader peek =
            MessageHeader.allocate(arena, 1, MessageHeader.MAX_DESCRIPTORS);
    private final int[] numbers = new int[MessageHeader.MAX_DESCRIPTORS];
    private final MessageHeader record;
    private boolean closed; // guarded by this: the number may be another's afterwards

    MessageStream(Descriptor socket, FunctionSegment segment) {
        this.socket = socket;
        this.segment = segment;
        peek.iovec(0, buffer.address(), BUFFER_BYTES);
        record = new MessageHeader(segment.liveState(), SegmentLayout.CONSUME_HEADER);
    }

    int descriptor() {
        return socket.number();
    }

    /** The bytes that the last {@link #look} saw. */
    MemorySegment buffer() {
        return buffer;
    }

    /**
     * Looks at what has arrived, without waiting.
     *
     * @return bytes, 0 at the end of the stream, or a negated errno, EAGAIN where there is nothing
     */
    int look() {
        peek.offerControl();
        return (int)
                UnixSocket.recvmsg(
                        socket.number(),
                        peek.address(),
                        UnixSocket.MSG_PEEK | UnixSocket.MSG_DONTWAIT);
    }

    /**
     * Descriptors seen by the last look; the caller closes them. They came with the message that
     * contains the last byte seen.
     *
     * @throws LinuxException if some were lost
     */
    List<Descriptor> descriptors() {
        int count = peek.descriptors(numbers);
        if (count == 0) {
            return List.of();
        }
        Descriptor[] owned = new Descriptor[count];
        for (int i = 0; i < count; i++) {
            owned[i] = Descriptor.adopt(numbers[i]);
        }
        return List.of(owned);
    }

    /** Stages the first state of a new connection. */
    static void stageNew(FunctionSegment segment) {
        MemorySegment slot = segment.stagedSlot();
        long epoch = slot.get(JAVA_LONG, SegmentLayout.EPOCH);
        slot.set(JAVA_LONG, SegmentLayout.EPOCH, epoch + 1);
        slot.set(JAVA_LONG, SegmentLayout.POSITION, 0);
        slot.set(JAVA_INT, SegmentLayout.CONNECTED, 1);
        slot.set(JAVA_INT, SegmentLayout.NEGOTIATED, 0);
    }

    /** After a new connection's first commit: nothing of it is consumed. */
    void startCounting() {
        long epoch = segment.currentSlot().get(JAVA_LONG, SegmentLayout.EPOCH);
        segment.liveLong(SegmentLayout.CONSUME_LENGTH, 0);
        segment.liveLong(SegmentLayout.CONSUMED, 0);
        segment.liveLong(SegmentLayout.CONSUMED_EPOCH, epoch);
    }

    /** Bytes of this connection that were taken out. */
    long consumed() {
        return segment.liveLong(SegmentLayout.CONSUMED);
    }

    /**
     * Takes out bytes that were applied.
     *
     * @return false if the connection ended
     */
    boolean consume(int bytes) {
        int left = bytes;
        while (left > 0) {
            int chunk = Math.min(left, BUFFER_BYTES);
            long from = consumed();
            record.length(0);
            segment.liveLong(SegmentLayout.CONSUME_FROM, from);
            // The last store before the call: the record is whole when it becomes valid.
            segment.liveLong(SegmentLayout.CONSUME_LENGTH, chunk);
            receive(chunk);
            Failpoint.MESSAGE_TAKEN.hit();
            int got = finish(from);
            if (got == 0) {
                return false;
            }
            left -= got;
        }
        return true;
    }

    /** Takes out bytes without a control buffer: the kernel drops the descriptors among them. */
    private void receive(int bytes) {
        MemorySegment live = segment.liveState();
        record.clear();
        record.iovecs(live.address() + SegmentLayout.CONSUME_IOVEC, 1);
        record.iovec(0, discarded.address(), bytes);
        UnixSocket.recvmmsg(socket.number(), record.address(), 1, UnixSocket.MSG_DONTWAIT);
    }

    private int finish(long from) {
        int got = record.length();
        segment.liveLong(SegmentLayout.CONSUMED, from + got);
        segment.liveLong(SegmentLayout.CONSUME_LENGTH, 0);
        return got;
    }

    /**
     * Continues another process's connection: finishes its consume record, sends its reply if that
     * was not sent, and takes out what was applied.
     *
     * @return false if the connection ended
     */
    boolean takeOver() {
        MemorySegment slot = segment.currentSlot();
        if (segment.liveLong(SegmentLayout.CONSUMED_EPOCH)
                != slot.get(JAVA_LONG, SegmentLayout.EPOCH)) {
            startCounting();
        }
        int pending = (int) segment.liveLong(SegmentLayout.CONSUME_LENGTH);
        if (pending > 0) {
            if (record.length() == 0) {
                receive(Math.min(pending, BUFFER_BYTES));
            }
            finish(segment.liveLong(SegmentLayout.CONSUME_FROM));
        }
        if (slot.get(JAVA_INT, SegmentLayout.REPLY_LENGTH) > 0 && reply(slot).length() == 0) {
            sendReply();
        }
        long applied = slot.get(JAVA_LONG, SegmentLayout.POSITION) - consumed();
        return applied <= 0 || consume((int) applied);
    }

    /** Where a reply is written before commit. */
    MemorySegment stagedReply() {
        return segment.stagedSlot()
                .asSlice(segment.layout().reply() + SegmentLayout.REPLY_DATA, Wire.MAX_REPLY_BYTES);
    }

    /** Stages that a reply of so many bytes is to be sent; 0 for none. */
    void stageReply(int bytes) {
        MemorySegment slot = segment.stagedSlot();
        slot.set(JAVA_INT, SegmentLayout.REPLY_LENGTH, bytes);
        reply(slot).clear(); // msg_len 0: not sent
    }

    /** Stages that the stream was applied up to here. */
    void stagePosition(long position) {
        segment.stagedSlot().set(JAVA_LONG, SegmentLayout.POSITION, position);
    }

    /**
     * Sends the committed reply. It does not wait: a client asks again only after it has read a
     * reply, so one whose socket is full broke the protocol.
     *
     * @return false if the connection is over
     */
    boolean sendReply() {
        MemorySegment slot = segment.currentSlot();
        int length = slot.get(JAVA_INT, SegmentLayout.REPLY_LENGTH);
        if (length == 0) {
            return true;
        }
        long base = slot.address() + segment.layout().reply();
        MessageHeader reply = reply(slot);
        reply.iovecs(base + SegmentLayout.REPLY_IOVEC, 1);
        reply.iovec(0, base + SegmentLayout.REPLY_DATA, length);
        int sent =
                UnixSocket.sendmmsg(socket.number(), reply.address(), 1, UnixSocket.MSG_DONTWAIT);
        return sent == 1 && reply.length() == length;
    }

    private MessageHeader reply(MemorySegment slot) {
        return new MessageHeader(slot, segment.layout().reply());
    }

    /**
     * Ends the connection for the client too, whoever else holds it. Any thread may call this; once
     * closed there is nothing to do.
     */
    synchronized void shutDown() {
        if (closed) {
            return;
        }
        try {
            UnixSocket.shutdown(socket.number());
        } catch (LinuxException e) {
            if (e.errno() != Errno.ENOTCONN) {
                throw e;
            }
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        socket.close();
        arena.close();
    }
}
