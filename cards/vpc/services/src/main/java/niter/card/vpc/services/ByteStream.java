package niter.card.vpc.services;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Where a TCP connection and what it carries meet: two bounded queues and their ends. The loop is
 * on one side, any thread on the other, and neither waits for the other: who changes something for
 * the other side tells it. Sent bytes stay until they are acknowledged, so retransmission needs no
 * other copy.
 */
final class ByteStream {
    /** What a connection carries. Called by the loop, so it must return at once. */
    interface Application {
        /** There is something to read: bytes, the end, or that the connection broke. */
        void readable();

        /** There is room to write again, or the connection broke. */
        void writable();
    }

    /** Of one connection, each direction. */
    static final int IN_BYTES = 8 * 1024;

    static final int OUT_BYTES = 16 * 1024;

    private final Runnable wake;
    private final ByteRing in = new ByteRing(IN_BYTES); // guarded by this, as all that follows
    private final ByteRing out = new ByteRing(OUT_BYTES);
    private boolean inEnded;
    private boolean outEnded;
    private boolean unread; // nobody reads any more
    private boolean broken;
    private int ttl = Segment.TTL;

    /**
     * A stream with nothing in it.
     *
     * @param wake makes the loop look at it; called from any thread
     */
    ByteStream(Runnable wake) {
        this.wake = wake;
    }

    // ---- the connection's side

    /** Bytes that may come now. */
    synchronized int window() {
        return unread ? IN_BYTES : in.room();
    }

    /** Takes bytes from the peer, no more than the window. */
    synchronized void deliver(byte[] bytes, int at, int length) {
        if (!unread) {
            in.put(ByteBuffer.wrap(bytes, at, length));
        }
    }

    /** The peer has nothing more to say. */
    synchronized void endInput() {
        inEnded = true;
    }

    /** The connection is gone. */
    synchronized void breakOff() {
        broken = true;
        in.clear();
        out.clear();
    }

    /** Bytes not acknowledged yet, sent or not. */
    synchronized int pending() {
        return out.size();
    }

    synchronized void peek(int offset, byte[] target, int at, int length) {
        out.peek(offset, target, at, length);
    }

    synchronized void acknowledge(int count) {
        out.drop(count);
    }

    /** Whether the application has nothing more to say. */
    synchronized boolean outputEnded() {
        return outEnded;
    }

    /** For the frames from now on. */
    synchronized int ttl() {
        return ttl;
    }

    // ---- the application's side

    /** As {@link java.nio.channels.ReadableByteChannel#read}: 0 where nothing is there yet. */
    int read(ByteBuffer target) throws IOException {
        int taken;
        boolean opened;
        synchronized (this) {
            if (broken) {
                throw new IOException("connection reset");
            }
            int before = in.room();
            taken = in.get(target);
            if (taken == 0 && inEnded) {
                return -1;
            }
            opened = taken > 0 && before < IN_BYTES / 2;
        }
        if (opened) {
            wake.run(); // the peer may be waiting for the window
        }
        return taken;
    }

    /** Takes as much as there is room for. */
    int write(ByteBuffer source) throws IOException {
        int taken;
        synchronized (this) {
            if (broken || outEnded) {
                throw new IOException("connection reset");
            }
            taken = out.put(source);
        }
        if (taken > 0) {
            wake.run();
        }
        return taken;
    }

    /** Whether reading would give something: bytes, the end or an exception. */
    synchronized boolean isReadable() {
        return broken || inEnded || in.size() > 0;
    }

    /** Whether writing would: room or an exception. */
    synchronized boolean isWritable() {
        return broken || outEnded || out.room() > 0;
    }

    /** Nothing more to say: what was written still goes out. */
    void endOutput() {
        synchronized (this) {
            outEnded = true;
        }
        wake.run();
    }

    /** Nothing more to say nor to hear. */
    void close() {
        synchronized (this) {
            outEnded = true;
            unread = true;
            in.clear();
        }
        wake.run();
    }

    /** The answer's hop limit, before it is written. */
    synchronized void limitHops(int hops) {
        ttl = hops;
    }
}
