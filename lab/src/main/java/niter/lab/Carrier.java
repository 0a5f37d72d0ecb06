package niter.lab;

import java.io.IOException;
import org.HdrHistogram.Histogram;

/** What carries out a job on one volume: the card, or io_uring on the same file. */
interface Carrier {
    /**
     * What a run came to.
     *
     * @param cpuSeconds of whatever carried it out
     * @param latency nanoseconds
     * @param messages to the card, for doorbells
     * @param interrupts from it
     */
    record Counted(
            long commands,
            double seconds,
            double cpuSeconds,
            Histogram latency,
            long messages,
            long interrupts) {}

    String name();

    /** Runs the job for a while, and a little before that which does not count. */
    Counted run(Job job, double seconds) throws IOException;
}
