package niter.ena;

/** Takes packets out of transmit queues and gives them to the network. */
final class TransmitPath {
    private final LiveState live;
    private final HostBuffer host;
    private final CompletionPoster poster;
    private final Network network;
    private final Failure failure;
    private final int maxMtu;
    private final TransmitPacket packet = new TransmitPacket();
    private final Frame frame = new Frame();
    private final Layers layers = new Layers();
    private final Offloads offloads = new Offloads(layers);
    private final Segmenter segmenter = new Segmenter(offloads);
    private int frames; // of the last packet

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
            int descriptors = packet.read(queue, consumed, available, live);
            if (descriptors == TransmitPacket.INCOMPLETE) {
                break;
            }
            if (descriptors == TransmitPacket.BROKEN || !send()) {
                failure.broken(
                        "transmit queue %d: %s".formatted(queue.index, problem(descriptors)));
                break;
            }
            packet.keepMeta(queue, live);
            int after = consumed + descriptors & 0xffff;
            poster.word(0, 0, packet.requestId());
            poster.word(0, 1, queue.index | after << 16);
            poster.word(0, 2, 0);
            poster.word(0, 3, 0);
            poster.post(queue, after, 1);
            work += Math.max(1, frames);
        }
        return work;
    }

    private String problem(int descriptors) {
        return descriptors == TransmitPacket.BROKEN
                ? packet.problem()
                : "a buffer outside of what DMA was granted for";
    }

    /** False where a buffer is not granted. What cannot be sent is dropped and counted. */
    private boolean send() {
        frame.clear();
        frames = 0;
        for (int i = 0; i < packet.buffers(); i++) {
            if (!host.add(frame, packet.address(i), packet.length(i))) {
                if (!frame.isFull() && frame.length() + packet.length(i) <= Frame.MAX_BYTES) {
                    return false;
                }
                live.count(LiveState.Counter.TX_DROPS, 1);
                return true;
            }
        }
        int bytes = frame.length();
        frame.fillHead();
        frames = forward();
        if (frames == 0) {
            live.count(LiveState.Counter.TX_DROPS, 1);
        } else {
            live.count(LiveState.Counter.TX_PACKETS, frames);
            live.count(LiveState.Counter.TX_BYTES, bytes);
        }
        return true;
    }

    /** How many frames went out; 0 where the packet makes no sense. */
    private int forward() {
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
}
