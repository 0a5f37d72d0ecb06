package niter.ena;

import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import niter.linux.Memory;
import org.jspecify.annotations.Nullable;

/**
 * Puts frames into the buffers of receive queues, and tells the driver of several at a time: {@link
 * #flush}.
 */
final class ReceivePath {
    private static final MemorySegment ALL = Memory.all();
    private static final int WHOLE = 65_536; // a length of 0
    private static final int AHEAD = 8; // descriptors, two cache lines
    private static final int IPV4 = 8;
    private static final int IPV6 = 11;
    private static final int TCP = 12 << 8;
    private static final int UDP = 13 << 8;
    private static final int NETWORK_SUM_WRONG = 1 << 13;
    private static final int TRANSPORT_SUM_WRONG = 1 << 14;
    private static final int FRAGMENT = 1 << 15;
    private static final int TRANSPORT_SUM_CHECKED = 1 << 16;
    private static final int FIRST = 1 << 26;
    private static final int LAST = 1 << 27;
    private static final int BUFFER = 1 << 30;

    private final LiveState live;
    private final Queues queues;
    private final Rss rss;
    private final HostBuffer host;
    private final CompletionPoster poster;
    private final Failure failure;
    private final long[] addresses = new long[Limits.REPORTED_DESCRIPTORS];
    private final int[] lengths = new int[Limits.REPORTED_DESCRIPTORS];
    private final int[] ids = new int[Limits.REPORTED_DESCRIPTORS];
    private final Arrivals[] arrivals = new Arrivals[Limits.PAIRS];
    private long touched; // of descriptors that are next, so that no compiler leaves it out
    private int waiting; // a bit for each queue with arrivals

    ReceivePath(
            LiveState live,
            Queues queues,
            Rss rss,
            HostBuffer host,
            CompletionPoster poster,
            Failure failure) {
        this.live = live;
        this.queues = queues;
        this.rss = rss;
        this.host = host;
        this.poster = poster;
        this.failure = failure;
        Arrays.setAll(arrivals, i -> new Arrivals());
    }

    /** Delivers a frame, of which {@link #flush} tells; false where it was dropped. */
    boolean deliver(Frame frame) {
        Layers layers = frame.layers();
        int hash = rss.hash(frame.head(), layers);
        @Nullable Submission queue = queues.receive(rss.queue(hash));
        if (queue == null || !queue.reachable()) {
            live.count(LiveState.Counter.RX_DROPS, 1);
            return false;
        }
        Arrivals before = arrivals[queue.index];
        int consumed = live.consumed(false, queue.index) + before.count() & 0xffff;
        int available = live.tail(false, queue.index) - consumed & 0xffff;
        if (available > queue.depth) {
            failure.broken(
                    "receive queue %d of %d entries: %d handed over"
                            .formatted(queue.index, queue.depth, available));
            return false;
        }
        int buffers = choose(queue, consumed, available, frame.length());
        if (buffers == 0) {
            live.count(LiveState.Counter.RX_DROPS, 1);
            live.count(LiveState.Counter.RX_OVERRUNS, 1);
            return false;
        }
        int done = 0;
        for (int i = 0; i < buffers; i++) {
            if (!host.write(frame, done, addresses[i], lengths[i])) {
                failure.broken(
                        "receive queue %d: a buffer outside of what DMA was granted for"
                                .formatted(queue.index));
                return false;
            }
            done += lengths[i];
        }
        if (before.count() + buffers > Arrivals.MOST) {
            flush(queue);
        }
        complete(queue, buffers, frame, hash);
        return true;
    }

    /** Tells the driver of all that came. */
    void flush() {
        while (waiting != 0) {
            int index = Integer.numberOfTrailingZeros(waiting);
            @Nullable Submission queue = queues.receive(index);
            if (queue != null && queue.reachable()) {
                flush(queue);
            }
            arrivals[index].clear();
            waiting &= waiting - 1;
        }
    }

    /** The queues of what came are gone. */
    void forget() {
        while (waiting != 0) {
            arrivals[Integer.numberOfTrailingZeros(waiting)].clear();
            waiting &= waiting - 1;
        }
    }

    private void flush(Submission queue) {
        Arrivals all = arrivals[queue.index];
        int after = live.consumed(false, queue.index) + all.count() & 0xffff;
        all.write(poster, queue.index);
        poster.post(queue, after, all.count());
        live.count(LiveState.Counter.RX_PACKETS, all.frames());
        live.count(LiveState.Counter.RX_BYTES, all.bytes());
        all.clear();
    }

    /** How many buffers the frame takes; 0 where there are too few. */
    private int choose(Submission queue, int consumed, int available, int bytes) {
        int left = bytes;
        int count = 0;
        while (left > 0) {
            if (count == available || count == ids.length) {
                return 0;
            }
            long at = queue.descriptor(consumed + count);
            touched += ALL.get(ValueLayout.JAVA_BYTE, queue.descriptor(consumed + count + AHEAD));
            int length = ALL.get(LE16, at) & 0xffff;
            ids[count] = ALL.get(LE16, at + 4) & 0xffff;
            addresses[count] =
                    ALL.get(LE32, at + 8) & 0xffff_ffffL | (ALL.get(LE16, at + 12) & 0xffffL) << 32;
            lengths[count] = Math.min(left, length == 0 ? WHOLE : length);
            left -= lengths[count];
            count++;
        }
        return count;
    }

    private void complete(Submission queue, int count, Frame frame, int hash) {
        int status = BUFFER | verdict(frame);
        Arrivals arrived = arrivals[queue.index];
        for (int i = 0; i < count; i++) {
            int edges = (i == 0 ? FIRST : 0) | (i == count - 1 ? LAST : 0);
            arrived.add(status | edges, lengths[i] | ids[i] << 16, hash);
        }
        arrived.whole(frame.length());
        waiting |= 1 << queue.index;
    }

    /** What the frame is, and whether its sums are right: bits 16:0. */
    private static int verdict(Frame frame) {
        Layers layers = frame.layers();
        if (layers.protocol() == Layers.NONE) {
            return 0;
        }
        boolean four = layers.etherType() == Layers.IPV4;
        int status = four ? IPV4 : IPV6;
        if (four && !isNetworkSumRight(frame, layers)) {
            status |= NETWORK_SUM_WRONG;
        }
        if (layers.isFragment()) {
            return status | FRAGMENT;
        }
        boolean tcp = layers.protocol() == Layers.TCP;
        if (!tcp && layers.protocol() != Layers.UDP) {
            return status;
        }
        status |= tcp ? TCP : UDP;
        if (frame.checksumVerified()) {
            return status | TRANSPORT_SUM_CHECKED;
        }
        int bytes = transportBytes(frame, layers, four);
        if (bytes < 0 || !tcp && four && isUnsummed(frame, layers)) {
            return status; // not checked
        }
        long pseudo =
                Offloads.pseudo(frame.head(), layers.network(), four, layers.protocol(), bytes);
        int sum = Checksum.fold(pseudo + frame.sum(layers.transport(), bytes));
        return status | TRANSPORT_SUM_CHECKED | (sum == 0xffff ? 0 : TRANSPORT_SUM_WRONG);
    }

    private static boolean isNetworkSumRight(Frame frame, Layers layers) {
        int bytes = layers.transport() - layers.network();
        return Checksum.fold(Checksum.sum(frame.head(), layers.network(), bytes)) == 0xffff;
    }

    /** A UDP sum of 0 over IPv4 means that there is none. */
    private static boolean isUnsummed(Frame frame, Layers layers) {
        return frame.head().get(ValueLayout.JAVA_SHORT_UNALIGNED, layers.transport() + 6) == 0;
    }

    /** Bytes from the layer-4 header to the packet's end; negative where the packet is cut. */
    private static int transportBytes(Frame frame, Layers layers, boolean four) {
        int header = layers.transport() - layers.network();
        int offset = layers.network() + (four ? 2 : 4);
        int said = frame.head().get(Layers.BE16, offset) & 0xffff;
        int bytes = four ? said - header : said + 40 - header;
        return bytes > frame.length() - layers.transport() ? -1 : bytes;
    }
}
