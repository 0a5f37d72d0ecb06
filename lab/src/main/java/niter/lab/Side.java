package niter.lab;

import java.io.IOException;

/** What carries the packets: ours or the peer. It works on a CPU of its own. */
interface Side extends AutoCloseable {
    String name();

    /** The driver of one of the two ends. */
    Port open(int end, Template template) throws IOException;

    /** Lets it work, where it was told to pause. */
    default void resume() throws IOException {}

    /** It takes no CPU time from now on. */
    default void pause() throws IOException {}

    /** Starts to count what {@link #busySeconds} says. */
    void count() throws IOException;

    /** CPU time that it spent on packets. */
    double busySeconds() throws IOException;

    @Override
    void close() throws IOException;
}
