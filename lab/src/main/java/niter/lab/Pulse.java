package niter.lab;

/** When the card answered last, and the longest that it did not. One thread beats. */
final class Pulse {
    private volatile long lastNanos = System.nanoTime(); // written by one thread, read by any
    private long longestNanos;
    private long endUnix;

    /** The card has answered: a completion, a register, a reply. */
    void beat() {
        long now = System.nanoTime();
        if (now - lastNanos > longestNanos) {
            longestNanos = now - lastNanos;
            endUnix = System.currentTimeMillis();
        }
        lastNanos = now;
    }

    /** Forgets the longest time; the next beat is still counted from the last one. */
    void restart() {
        longestNanos = 0;
    }

    long longestNanos() {
        return longestNanos;
    }

    /** When that ended, in milliseconds of Unix time. */
    long endUnixMillis() {
        return endUnix;
    }

    /** Nanoseconds since the last answer. */
    long silentNanos() {
        return System.nanoTime() - lastNanos;
    }
}
