package niter.pcie;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What a guest or a client can make a function log: ten lines, and one more a second. One that asks
 * again and again neither fills the host's disk nor takes the core's time. On the core's thread.
 */
public final class LogRation {
    private static final int BURST = 10;
    private static final long EACH_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final LongSupplier clock;
    private long earned; // nanoseconds, up to when lines were given out
    private long withheld;

    /**
     * A full ration.
     *
     * @param clock nanoseconds
     */
    public LogRation(LongSupplier clock) {
        this.clock = clock;
        earned = clock.getAsLong() - BURST * EACH_NANOS;
    }

    /** Logs a line, or counts it: the next one says how many were withheld. */
    public void log(
            System.Logger log,
            System.Logger.Level level,
            String format,
            @Nullable Object... values) {
        long now = clock.getAsLong();
        if (now - earned < EACH_NANOS) {
            withheld++;
            return;
        }
        earned = Math.max(earned, now - BURST * EACH_NANOS) + EACH_NANOS;
        log.log(
                level,
                withheld == 0 ? format : format + " (" + withheld + " lines withheld)",
                values);
        withheld = 0;
    }
}
