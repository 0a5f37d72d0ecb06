package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.TimeUnit;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.Failpoint;
import niter.linux.LinuxException;

/**
 * Serves the messages of one connection, in the order of design.md's crash-only rule: peeked,
 * escrowed, applied, committed, answered, consumed. For the function's thread.
 */
final class Client {
    private static final System.Logger LOG = System.getLogger(Client.class.getName());

    /** How long a message may take to arrive as a whole once it has begun. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(1);

    /**
     * What is served before the others of the core have their turn, in bytes of doorbells: some 900
     * of them.
     */
    static final int TURN_BYTES = 32 * 1024;

    /** What any other message costs, in bytes of doorbells. */
    private static final int MESSAGE_BYTES = 2 * 1024;

    /** At a take-over: what a socket holds at most, and then some. */
    static final int ALL_BYTES = 512 * TURN_BYTES;

    private static final long NEVER = Long.MAX_VALUE;
    static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final String id;
    private final FunctionSegment segment;
    private final MessageStream stream;
    private final HeldDescriptors descriptors;
    private final Device device;
    private final DmaTable dma;
    private final Vectors vectors;
    private final Regions regions;
    private final Requests requests;
    private final LogRation ration;
    private long partSinceNanos = NEVER; // a message has begun and not ended
    private int turnBytes; // what is left of this turn

    Client(
            String id,
            FunctionSegment segment,
            MessageStream stream,
            HeldDescriptors descriptors,
            Device device,
            DmaTable dma,
            Vectors vectors,
            Regions regions,
            Requests requests,
            LogRation ration) {
        this.id = id;
        this.segment = segment;
        this.stream = stream;
        this.descriptors = descriptors;
        this.device = device;
        this.dma = dma;
        this.vectors = vectors;
        this.regions = regions;
        this.requests = requests;
        this.ration = ration;
    }

    MessageStream stream() {
        return stream;
    }

    /**
     * Whether a part of a message has arrived: the socket is readable, but there is nothing to do.
     */
    boolean isInsideMessage() {
        return partSinceNanos != NEVER;
    }

    /** Nanoseconds after which to look for the rest of a message; never where none has begun. */
    long lookAgainNanos() {
        return isInsideMessage() ? LOOK_AGAIN_NANOS : NEVER;
    }

    /**
     * Serves whole messages that have arrived, until there are no more or the turn is over; then
     * the socket stays readable.
     *
     * @param bytes of the turn, {@link #TURN_BYTES} or {@link #ALL_BYTES}
     * @return false if the connection is over: its end, or a client that broke the protocol
     */
    boolean serve(int bytes) {
        turnBytes = bytes;
        while (turnBytes > 0) {
            int seen = stream.look();
            if (seen == -Errno.EAGAIN) {
                return true;
            }
            if (seen <= 0) {
                return false;
            }
            List<Descriptor> beside;
            try {
                beside = stream.descriptors();
            } catch (LinuxException e) {
                return broken(e.toString());
            }
            int done = serve(seen, beside);
            if (done < 0) {
                return false;
            }
            if (done == 0) {
                return waitForRest();
            }
            partSinceNanos = NEVER;
            if (!stream.consume(done)) {
                return false;
            }
            Failpoint.MESSAGE_CONSUMED.hit();
        }
        return true;
    }

    private boolean waitForRest() {
        long now = System.nanoTime();
        if (partSinceNanos == NEVER) {
            partSinceNanos = now;
        }
        return now - partSinceNanos <= PATIENCE_NANOS
                || broken("a message did not end within a second");
    }

    private boolean broken(String what) {
        ration.log(
                LOG, System.Logger.Level.WARNING, "{0}: client broke the protocol: {1}", id, what);
        return false;
    }

    /**
     * Serves the whole messages among the bytes seen, as far as the turn goes.
     *
     * @param beside descriptors of the message that ends the bytes; closed here where unused
     * @return bytes served, or -1 where the connection is over
     */
    private int serve(int seen, List<Descriptor> beside) {
        MemorySegment buffer = stream.buffer();
        long start = stream.consumed();
        boolean taken = false;
        int at = 0;
        try {
            while (turnBytes > 0 && seen - at >= Wire.HEADER_BYTES) {
                long size = buffer.get(JAVA_INT_UNALIGNED, at + Wire.SIZE) & 0xffff_ffffL;
                if (size < Wire.HEADER_BYTES || size > Wire.MAX_REQUEST_BYTES) {
                    broken("message size " + size);
                    return -1;
                }
                if (size > seen - at) {
                    break;
                }
                int end = at + (int) size;
                boolean owns = end == seen && !beside.isEmpty();
                if (isDoorbell(buffer, at, size)) {
                    turnBytes -= (int) size;
                    Failpoint.DOORBELL_STORED.hit();
                } else {
                    taken = owns;
                    MemorySegment message = buffer.asSlice(at, size);
                    // Descriptors ask the keeper, a reset waits for the device: one of them a turn.
                    boolean takesTime = owns || requests.needsQuiet(message);
                    turnBytes -= takesTime ? TURN_BYTES : MESSAGE_BYTES;
                    if (!serve(message, start + end, owns ? beside : List.of())) {
                        return -1;
                    }
                }
                at = end;
            }
        } finally {
            if (!taken) {
                beside.forEach(Descriptor::close);
            }
        }
        if (!beside.isEmpty() && at != seen && turnBytes > 0) {
            broken("descriptors came apart from their message");
            return -1;
        }
        return at;
    }

    private boolean isDoorbell(MemorySegment buffer, int at, long size) {
        int flags = buffer.get(JAVA_INT_UNALIGNED, at + Wire.FLAGS);
        int command = buffer.get(JAVA_SHORT_UNALIGNED, at + Wire.COMMAND) & 0xffff;
        return flags == (Wire.TYPE_COMMAND | Wire.NO_REPLY)
                && command == Wire.REGION_WRITE
                && regions.storeDoorbell(buffer, at, size);
    }

    /** Serves one message that is no doorbell; false where the connection is over. */
    private boolean serve(MemorySegment message, long position, List<Descriptor> beside) {
        int flags = message.get(JAVA_INT_UNALIGNED, Wire.FLAGS);
        if ((flags & Wire.TYPE_MASK) != Wire.TYPE_COMMAND) {
            beside.forEach(Descriptor::close);
            if ((flags & Wire.IS_ERROR) != 0 && Requests.command(message) == Wire.DMA_WRITE) {
                int vector = message.get(JAVA_SHORT_UNALIGNED, Wire.ID) & 0xffff;
                vectors.refused(vector, regions.isBusMaster());
            }
            return true; // or a reply to nothing
        }
        Failpoint.MESSAGE_RECEIVED.hit();
        if (requests.needsQuiet(message)) {
            device.quiesce();
        }
        segment.begin();
        long token = segment.stagedSlot().get(JAVA_LONG, SegmentLayout.NEXT_TOKEN);
        if (!beside.isEmpty()) {
            descriptors.take(beside, token);
            Failpoint.MESSAGE_DESCRIPTORS_HELD.hit();
        }
        int result =
                beside.size() > Wire.MAX_DESCRIPTORS
                        ? -Errno.EINVAL
                        : requests.apply(message, token, beside.size(), stream.stagedReply());
        if (result < 0) {
            segment.abandon(); // nothing of it becomes valid
            segment.begin();
        }
        stage(message, position, token + beside.size(), result);
        Failpoint.MESSAGE_APPLIED.hit();
        segment.commit();
        Failpoint.MESSAGE_RECORDED.hit();
        follow(message);
        boolean alive = stream.sendReply();
        Failpoint.MESSAGE_SENT.hit();
        dropUnused(message, !beside.isEmpty());
        return alive && (result >= 0 || isNegotiated());
    }

    private boolean isNegotiated() {
        return segment.currentSlot().get(JAVA_INT, SegmentLayout.NEGOTIATED) != 0
                || broken("the first message was no VERSION that we speak");
    }

    private void stage(MemorySegment message, long position, long nextToken, int result) {
        segment.stagedSlot().set(JAVA_LONG, SegmentLayout.NEXT_TOKEN, nextToken);
        stream.stagePosition(position);
        boolean silent = (message.get(JAVA_INT_UNALIGNED, Wire.FLAGS) & Wire.NO_REPLY) != 0;
        if (silent) {
            stream.stageReply(0);
            return;
        }
        int length = Wire.HEADER_BYTES + Math.max(result, 0);
        MemorySegment reply = stream.stagedReply();
        MemorySegment.copy(message, 0, reply, 0, 4); // id and command
        reply.set(JAVA_INT, Wire.SIZE, length);
        reply.set(JAVA_INT, Wire.FLAGS, Wire.TYPE_REPLY | (result < 0 ? Wire.IS_ERROR : 0));
        reply.set(JAVA_INT, Wire.ERROR, result < 0 ? -result : 0);
        stream.stageReply(length);
    }

    /**
     * What this process derives from the segment follows what the message changed there, before the
     * client hears of it: after the reply to an UNMAP nothing reaches that memory.
     */
    private void follow(MemorySegment message) {
        int command = Requests.command(message);
        if (Requests.changesDma(message)) {
            dma.refresh();
            device.dmaMapChanged();
        }
        if (command == Wire.DEVICE_SET_IRQS) {
            vectors.refresh();
        }
        if (command == Wire.DEVICE_SET_IRQS || command == Wire.REGION_WRITE) {
            vectors.firePending(regions.isBusMaster());
        }
    }

    private void dropUnused(MemorySegment message, boolean broughtDescriptors) {
        int command = Requests.command(message);
        if (broughtDescriptors || command == Wire.DMA_UNMAP || command == Wire.DEVICE_SET_IRQS) {
            descriptors.keepOnly(token -> dma.refersTo(token) || vectors.refersTo(token));
        }
    }
}
