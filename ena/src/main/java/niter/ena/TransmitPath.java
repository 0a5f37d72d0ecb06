package niter.ena;

import java.util.Arrays;

/**
 * Takes packets out of transmit queues and gives them to the network, several at a time: the heads
 * of all are copied before the first is sent, so that the guest's memory is waited for once, and
 * they are completed together. A successor may send packets of an unfinished batch once more.
 */
final class TransmitPath {
    /** The most packets that are on their way together. */
    static final int BATCH = 16;

    private final LiveState live;
    private final HostBuffer host;
    private final CompletionPoster poster;
    private final Network network;
    private final Failure failure;
    private final int maxMtu;
    private final TransmitPacket[] packets = new TransmitPacket[BATCH];
    private final Frame[] frames = new Frame[BATCH];
    private final Offloads offloads = new Offloads();
    private final Segmenter segmenter = new Segmenter(offloads);
    private long touched; // so that no compiler leaves the reading out

    TransmitPath(
            LiveState live,
            HostBuffer host,
            CompletionPoster poster,
            Network network,
            Failure failure,
            int maxMtu) {
        this.live = live;
        this.host = host;
        this.poster = poster;
        this.network = network;
        this.failure = failure;
        this.maxMtu = maxMtu;
        Arrays.setAll(packets, i -> new TransmitPacket());
        Arrays.setAll(frames, i -> new Frame());
    }

    /**
     * Sends packets of a queue until they were so many frames; how many there were. A packet that
     * is cut is as much work as its segments.
     */
    int run(Submission queue, int budget) {
        int work = 0;
        while (work < budget && queue.reachable()) {
            int consumed = live.consumed(true, queue.index);
            int available = live.tail(true, queue.index) - consumed & 0xffff;
            if (available == 0) {
                break;
            }
            if (available > queue.depth) {
                failure.broken(
                        "transmit queue %d of %d entries: %d handed over"
                                .formatted(queue.index, queue.depth, available));
                break;
            }
            int count = fetch(queue, consumed, available, Math.min(BATCH, budget - work));
            if (count == 0) {
                break;
            }
            try {
                work += send(count);
            } finally { // what was sent before a defect is told, too
                network.flush(); // first: what is completed here is not sent again
            }
            complete(queue, consumed, count);
        }
        return work;
    }

    /**
     * Copies the next packets' descriptors and heads.
     *
     * @return how many; what is wrong with the one behind them is told when it is the first
     */
    private int fetch(Submission queue, int consumed, int available, int most) {
        int count = gather(queue, consumed, available, most);
        for (int i = 0; i < count; i++) {
            frames[i].fillHead();
        }
        return count;
    }

    /** The next packets' descriptors, and where their bytes lie. */
    private int gather(Submission queue, int consumed, int available, int most) {
        int count = 0;
        int taken = 0;
        while (count < most && taken < available) {
            TransmitPacket packet = packets[count];
            int descriptors = packet.read(queue, consumed + taken, available - taken, live);
            if (descriptors == TransmitPacket.INCOMPLETE
                    || count > 0 && (descriptors == TransmitPacket.BROKEN || packet.storesMeta())) {
                break; // what is stored is for those behind it, and for none before it
            }
            if (descriptors == TransmitPacket.BROKEN) {
                return broken(queue, packet.problem());
            }
            if (!gather(packet, frames[count])) {
                return count > 0
                        ? count
                        : broken(queue, "a buffer outside of what DMA was granted for");
            }
            packet.keepMeta(queue, live);
            taken += descriptors;
            count++;
            if (packet.segmented()) {
                break; // it is work enough
            }
        }
        return count;
    }

    private int broken(Submission queue, String problem) {
        failure.broken("transmit queue %d: %s".formatted(queue.index, problem));
        return 0;
    }

    /** False where a buffer is not granted. What is too much for a frame is an empty one. */
    private boolean gather(TransmitPacket packet, Frame frame) {
        frame.clear();
        for (int i = 0; i < packet.buffers(); i++) {
            if (!host.add(frame, packet.address(i), packet.length(i))) {
                if (!frame.isFull() && frame.length() + packet.length(i) <= Frame.MAX_BYTES) {
                    return false;
                }
                frame.clear();
                break;
            }
        }
        touched += frame.touch();
        return true;
    }

    /** What cannot be sent is dropped and counted; returns how much work it was. */
    private int send(int count) {
        int work = 0;
        int sent = 0;
        int dropped = 0;
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            int length = frames[i].length();
            int segments = forward(packets[i], frames[i]);
            work += Math.max(1, segments);
            sent += segments;
            bytes += segments == 0 ? 0 : length;
            dropped += segments == 0 ? 1 : 0;
        }
        if (dropped > 0) {
            live.count(LiveState.Counter.TX_DROPS, dropped);
        }
        live.count(LiveState.Counter.TX_PACKETS, sent);
        live.count(LiveState.Counter.TX_BYTES, bytes);
        return work;
    }

    /** How many frames went out; 0 where the packet makes no sense. */
    private int forward(TransmitPacket packet, Frame frame) {
        int most = maxMtu + Limits.ETHERNET + Limits.VLAN_TAG;
        if (frame.length() < Limits.ETHERNET) {
            return 0;
        }
        boolean sums = packet.transportSum() && (packet.tcp() || packet.udp());
        if (packet.segmented()) {
            return offloads.locate(packet, frame)
                    ? segmenter.send(packet, frame, most, network)
                    : 0;
        }
        if (frame.length() > most) {
            return 0;
        }
        if (sums || packet.networkSum()) {
            if (!offloads.locate(packet, frame)) {
                return 0;
            }
            if (packet.networkSum() && offloads.four()) {
                offloads.networkSum(frame);
            }
            if (sums && !offloads.transportSum(frame, packet.tcp(), packet.partialSum())) {
                return 0;
            }
            frame.checksumVerified(sums);
        }
        network.sent(frame);
        return 1;
    }

    private void complete(Submission queue, int consumed, int count) {
        int after = consumed;
        for (int i = 0; i < count; i++) {
            after = after + packets[i].descriptors() & 0xffff;
            poster.entry(i, packets[i].requestId(), queue.index | after << 16);
            poster.rest(i, 0, 0);
        }
        poster.post(queue, after, count);
    }
}
