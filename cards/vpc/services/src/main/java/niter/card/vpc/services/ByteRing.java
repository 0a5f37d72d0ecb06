package niter.card.vpc.services;

import java.nio.ByteBuffer;

/** A bounded queue of bytes. Takes memory only once there is something in it. */
final class ByteRing {
    private final int capacity;
    private byte[] bytes = new byte[0];
    private int head;
    private int size;

    ByteRing(int capacity) {
        this.capacity = capacity;
    }

    int size() {
        return size;
    }

    int room() {
        return capacity - size;
    }

    /** Takes as much as there is room for; the buffer's position moves that far. */
    int put(ByteBuffer source) {
        int taken = Math.min(room(), source.remaining());
        if (taken > 0 && bytes.length == 0) {
            bytes = new byte[capacity];
        }
        int done = 0;
        while (done < taken) {
            int at = (head + size) % capacity;
            int run = Math.min(taken - done, capacity - at);
            source.get(bytes, at, run);
            size += run;
            done += run;
        }
        return taken;
    }

    /** Copies without taking; {@code offset + length} is no more than there is. */
    void peek(int offset, byte[] target, int at, int length) {
        int done = 0;
        while (done < length) {
            int from = (head + offset + done) % capacity;
            int run = Math.min(length - done, capacity - from);
            System.arraycopy(bytes, from, target, at + done, run);
            done += run;
        }
    }

    /** Forgets the first so many. */
    void drop(int count) {
        head = (head + count) % capacity;
        size -= count;
    }

    /** Moves as much as fits. */
    int get(ByteBuffer target) {
        int taken = Math.min(size, target.remaining());
        int done = 0;
        while (done < taken) {
            int run = Math.min(taken - done, capacity - head);
            target.put(bytes, head, run);
            drop(run);
            done += run;
        }
        return taken;
    }

    void clear() {
        size = 0;
        head = 0;
        bytes = new byte[0];
    }
}
