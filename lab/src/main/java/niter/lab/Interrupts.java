package niter.lab;

import java.io.IOException;

/** How a driver hears of completions: a vector for every queue pair, 0 is the admin queue's. */
interface Interrupts extends AutoCloseable {
    /** Gives the first vectors their ways to the driver, in several steps. */
    void assign(int vectors, NvmeDriver.Steps steps) throws IOException;

    /** No vector leads anywhere. */
    void disable() throws IOException;

    /** Whether a vector has fired since the last time. */
    boolean take(int vector);

    /** Forgets what has fired. */
    void clear();

    /**
     * Waits until one fires that was not taken.
     *
     * @param nanos how long at most
     */
    void await(long nanos) throws IOException;

    /** How many were received. */
    long count();

    @Override
    void close();
}
