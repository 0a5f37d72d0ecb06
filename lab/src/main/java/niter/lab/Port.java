package niter.lab;

import java.io.IOException;

/**
 * One end of the generator: a network device as its driver sees it, polled, with one queue in each
 * direction. For one thread; nothing here allocates once it runs.
 */
abstract class Port implements AutoCloseable {
    /** Entries of each ring. */
    static final int DEPTH = 1024;

    /** Frames that arrived, and their bytes. */
    long frames;

    long bytes;

    /** Takes all frames that have arrived, and gives their buffers back. */
    abstract void receive() throws IOException;

    /** How many packets the device has sent since the last call. */
    abstract int sent();

    /**
     * Puts the packet into the ring once more, with these ports.
     *
     * @param ports source and destination, as they lie in memory
     */
    abstract void send(int ports);

    /** Tells the device of what was put there. */
    abstract void flush() throws IOException;

    @Override
    public abstract void close() throws IOException;
}
