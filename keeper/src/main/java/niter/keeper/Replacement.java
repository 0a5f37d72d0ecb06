package niter.keeper;

import niter.controller.control.protocol.Spawn;
import org.jspecify.annotations.Nullable;

/**
 * A process that is to take the place of one of its name.
 *
 * <pre>
 * starting ──Hello──► handing over ──the old one's end──► taking over ──Serving──► in its place
 *     └───────────────────┴───── its end, or too late ─────────┴─► none: the old one goes on
 * </pre>
 */
final class Replacement {
    enum Phase {
        STARTING,
        HANDING_OVER,
        TAKING_OVER
    }

    /** Hears once what became of it. */
    interface Outcome {
        void replaced(int pid, long pauseMs);

        void failed(String why);
    }

    private final Spawn spec;
    private final ManagedProcess.Running standby;
    private final Outcome outcome;
    private Phase phase = Phase.STARTING;
    private Loop.@Nullable Timer deadline;
    private String tooLate = "";
    private Runnable give = () -> {};
    private long handedOverUnixMs;

    Replacement(Spawn spec, ManagedProcess.Running standby, Outcome outcome) {
        this.spec = spec;
        this.standby = standby;
        this.outcome = outcome;
    }

    /** How the process is started from then on. */
    Spawn spec() {
        return spec;
    }

    ManagedProcess.Running standby() {
        return standby;
    }

    Outcome outcome() {
        return outcome;
    }

    Phase phase() {
        return phase;
    }

    /** The next phase; the timer of the last one is over. */
    void enter(Phase next, Loop.Timer limit) {
        cancelDeadline();
        phase = next;
        deadline = limit;
    }

    /** It took too long: its end, which follows, has this reason. */
    void tooLate(String why) {
        tooLate = why;
    }

    /** Why it failed, where it ended so. */
    String reason(String end) {
        return tooLate.isEmpty() ? "it ended before it served: " + end : tooLate;
    }

    void cancelDeadline() {
        if (deadline != null) {
            deadline.cancel();
            deadline = null;
        }
    }

    /** What gives it what was held, once it is its turn. */
    void ready(Runnable giving, long unixMs) {
        give = giving;
        handedOverUnixMs = unixMs;
    }

    /** When the old one was told to let go. */
    long handedOverUnixMs() {
        return handedOverUnixMs;
    }

    void give() {
        give.run();
    }
}
