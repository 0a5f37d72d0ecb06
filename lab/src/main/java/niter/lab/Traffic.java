package niter.lab;

import java.io.IOException;

/**
 * Sends from each end to the other as fast as it goes, packet after packet over all flows; the
 * second end answers the flows that the first begins.
 */
final class Traffic {
    private static final int LEAST_BURST = 32;
    private static final int MOST_BURST = 64;
    private static final long STALLED_NANOS = 5_000_000_000L;

    private final Port[] ports;
    private final Shape shape;
    private final int[] next = new int[2];
    private final int[] outstanding = new int[2];

    Traffic(Port first, Port second, Shape shape) {
        ports = new Port[] {first, second};
        this.shape = shape;
    }

    /** What arrived, and how long that took. */
    record Counted(long frames, long bytes, double seconds) {}

    /** Sends for a while, and until so many frames have arrived. */
    Counted run(double seconds, long frames) throws IOException {
        long before = frames();
        long bytes = bytes();
        long start = System.nanoTime();
        long end = start + (long) (seconds * 1e9);
        long now = start;
        long moved = start;
        long seen = before;
        while (now < end || frames() - before < frames) {
            turn(0);
            turn(1);
            now = System.nanoTime();
            if (frames() != seen) {
                seen = frames();
                moved = now;
            } else if (now - moved > STALLED_NANOS) {
                throw new IOException(shape.name() + ": nothing arrives");
            }
        }
        return new Counted(frames() - before, bytes() - bytes, (now - start) / 1e9);
    }

    /** Waits until nothing is on its way. */
    void drain() throws IOException {
        long end = System.nanoTime() + STALLED_NANOS;
        while (outstanding[0] + outstanding[1] > 0) {
            for (int side = 0; side < 2; side++) {
                ports[side].receive();
                outstanding[side] -= ports[side].sent();
            }
            if (System.nanoTime() > end) {
                throw new IOException(shape.name() + ": packets are never sent");
            }
        }
        ports[0].receive();
        ports[1].receive();
    }

    private void turn(int side) throws IOException {
        Port port = ports[side];
        port.receive();
        outstanding[side] -= port.sent();
        int room = Math.min(MOST_BURST, shape.window() - outstanding[side]);
        if (room < Math.min(LEAST_BURST, shape.window() / 2)) {
            return;
        }
        for (int i = 0; i < room; i++) {
            int flow = Shape.ports(next[side]);
            next[side] = next[side] + 1 == shape.flows() ? 0 : next[side] + 1;
            port.send(side == 0 ? flow : Shape.answer(flow));
        }
        outstanding[side] += room;
        port.flush();
    }

    private long frames() {
        return ports[0].frames + ports[1].frames;
    }

    private long bytes() {
        return ports[0].bytes + ports[1].bytes;
    }
}
