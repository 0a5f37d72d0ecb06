package niter.keeper;

import java.io.IOException;
import java.util.List;
import niter.controller.control.protocol.Spawn;
import niter.linux.Descriptor;
import niter.linux.LinuxException;
import niter.linux.Processes;
import niter.linux.Signals;
import org.jspecify.annotations.Nullable;

/**
 * Puts new builds of processes in the place of old ones that run, or leaves those where they are.
 */
final class Replacements {
    private static final System.Logger LOG = System.getLogger(Replacements.class.getName());

    /** A JVM that starts beside a busy one. */
    private static final long READY_NANOS = 20_000_000_000L;

    /** What is in flight at a disk may take its time; then the old one is killed. */
    private static final long HAND_OVER_NANOS = 3_000_000_000L;

    /** Guests wait: QEMU gives a card five seconds. */
    private static final long SERVE_NANOS = 3_000_000_000L;

    /** In the environment of a process that is to wait for its turn. */
    private static final String STANDBY = "NITER_STANDBY=1";

    private final Loop loop;
    private final Launcher launcher;
    private final Watching watching;

    /** Makes a process that was started beside one the one that runs. */
    interface Watching {
        void runs(ManagedProcess process, ManagedProcess.Running standby);
    }

    Replacements(Loop loop, Launcher launcher, Watching watching) {
        this.loop = loop;
        this.launcher = launcher;
        this.watching = watching;
    }

    /**
     * Starts a process beside the one that it is to replace.
     *
     * @param outcome called later, unless this throws
     */
    void begin(ManagedProcess process, Spawn spec, Replacement.Outcome outcome)
            throws RefusedException {
        Launcher.check(spec, List.of());
        if (!process.restartsAlways()) {
            throw new RefusedException("process: " + process.name() + " is not one that restarts");
        }
        if (process.replacement() != null) {
            throw new RefusedException("process: " + process.name() + " is being replaced already");
        }
        ManagedProcess.Running standby;
        try {
            int pid = launcher.launch(spec.toBuilder().addEnvironment(STANDBY).build(), List.of());
            Descriptor pidfd = Processes.pidfd(pid);
            long token = loop.watch(pidfd, () -> standbyEnded(process));
            standby =
                    new ManagedProcess.Running(
                            pid, Proc.startedTicks(pid), System.currentTimeMillis(), pidfd, token);
        } catch (IOException | LinuxException e) {
            throw new RefusedException("executable: cannot be started: " + e.getMessage());
        }
        Replacement replacement = new Replacement(spec, standby, outcome);
        process.replacedBy(replacement);
        replacement.enter(
                Replacement.Phase.STARTING,
                loop.after(READY_NANOS, () -> tooLate(process, replacement, "it was not ready")));
        log(process, "a replacement starts as " + standby.pid());
    }

    private static void log(ManagedProcess process, String text) {
        LOG.log(System.Logger.Level.INFO, "{0}: {1}", process.name(), text);
    }

    private static void tooLate(ManagedProcess process, Replacement replacement, String what) {
        replacement.tooLate(what + " in time");
        log(process, "the replacement is ended: " + what + " in time");
        Processes.kill(replacement.standby().pid(), Signals.SIGKILL); // not reaped: still its own
    }

    /**
     * A standby is ready: the old one is told to let go.
     *
     * @param give gives the standby what is held
     */
    void ready(ManagedProcess process, int pid, Runnable give) throws RefusedException {
        @Nullable Replacement replacement = process.replacement();
        if (replacement == null
                || replacement.phase() != Replacement.Phase.STARTING
                || replacement.standby().pid() != pid) {
            throw new RefusedException("standby: nobody is to be replaced by this process");
        }
        replacement.ready(give, System.currentTimeMillis());
        ManagedProcess.@Nullable Running old = process.running();
        if (old == null) {
            process.cancelRestart();
            promote(process, replacement);
            return;
        }
        replacement.enter(
                Replacement.Phase.HANDING_OVER,
                loop.after(HAND_OVER_NANOS, () -> signal(old, Signals.SIGKILL)));
        signal(old, Signals.SIGTERM);
    }

    private static void signal(ManagedProcess.Running running, int signal) {
        if (running.isAlive()) {
            Processes.kill(running.pid(), signal);
        }
    }

    /** The old one has ended: the new one is the process from now on. */
    void promote(ManagedProcess process, Replacement replacement) {
        loop.unwatch(replacement.standby().token());
        watching.runs(process, replacement.standby());
        replacement.enter(
                Replacement.Phase.TAKING_OVER,
                loop.after(SERVE_NANOS, () -> tooLate(process, replacement, "it did not serve")));
        replacement.give();
    }

    /** It serves: it is started as this one from now on. */
    void serves(ManagedProcess process, Replacement replacement, long pauseMs) {
        replacement.cancelDeadline();
        process.replacedBy(null);
        process.spec(replacement.spec());
        replacement.outcome().replaced(replacement.standby().pid(), pauseMs);
    }

    /** It has ended in the old one's place, which is started again as it was. */
    void takenBack(ManagedProcess process, Replacement replacement, String end) {
        if (replacement.phase() != Replacement.Phase.HANDING_OVER) { // else the old one still ends
            replacement.cancelDeadline();
        }
        process.replacedBy(null);
        replacement.outcome().failed(replacement.reason(end));
    }

    /** It has ended before it was its turn: the old one goes on. */
    private void standbyEnded(ManagedProcess process) {
        @Nullable Replacement replacement = process.replacement();
        if (replacement == null) {
            return;
        }
        loop.unwatch(replacement.standby().token());
        replacement.standby().pidfd().close();
        Processes.@Nullable Ended end = Ends.reap(replacement.standby().pid());
        takenBack(process, replacement, Ends.text(end));
    }

    /** Everything ends. */
    void shutDown(ManagedProcess process) {
        @Nullable Replacement replacement = process.replacement();
        if (replacement != null && replacement.phase() != Replacement.Phase.TAKING_OVER) {
            loop.unwatch(replacement.standby().token());
            replacement.standby().pidfd().close();
            Processes.kill(replacement.standby().pid(), Signals.SIGKILL); // reaped as an orphan
            takenBack(process, replacement, "the host is being shut down");
        }
    }
}
