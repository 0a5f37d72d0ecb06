package niter.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What a load met that must not be; the first few in words. For one thread. */
final class Findings {
    private static final int TOLD = 10;

    private long errors;
    private long lostWrites;
    private long lostFlushes;
    private long corruptBlocks;
    private final List<String> first = new ArrayList<>();

    /** A command failed, or the controller broke the protocol. */
    void error(String what) {
        errors++;
        tell(what);
    }

    /** A write that was acknowledged is not there; durable ones count as lost flushes, too. */
    void lostWrite(String what, boolean durable) {
        lostWrites++;
        lostFlushes += durable ? 1 : 0;
        tell(what);
    }

    /** A block holds what was never written to it. */
    void corruptBlock(String what) {
        corruptBlocks++;
        tell(what);
    }

    private void tell(String what) {
        if (first.size() < TOLD) {
            first.add(what);
        }
    }

    long errors() {
        return errors;
    }

    long lostWrites() {
        return lostWrites;
    }

    long lostFlushes() {
        return lostFlushes;
    }

    long corruptBlocks() {
        return corruptBlocks;
    }

    boolean isEmpty() {
        return errors + lostWrites + corruptBlocks == 0;
    }

    /** One line of counts, then a line for each of the first findings. */
    String text() {
        StringBuilder text =
                new StringBuilder(
                        String.format(
                                Locale.ROOT,
                                "errors %d, lost writes %d, lost flushes %d, corrupt blocks %d",
                                errors,
                                lostWrites,
                                lostFlushes,
                                corruptBlocks));
        first.forEach(line -> text.append("\n  ").append(line));
        return text.toString();
    }
}
