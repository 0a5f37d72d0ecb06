package niter.keeper;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import niter.controller.control.protocol.Exited;
import niter.controller.control.protocol.KeeperProcess;
import niter.controller.control.protocol.Process;
import niter.controller.control.protocol.Spawn;
import niter.linux.Descriptor;
import niter.linux.Failpoint;
import niter.linux.LinuxException;
import niter.linux.Processes;
import niter.linux.Signals;
import org.jspecify.annotations.Nullable;

/**
 * The processes that were asked for: started, watched, started again.
 *
 * <pre>
 *           launch            end, RESTART_ALWAYS
 * asked for ──────► running ─────────────────────► waits for restart ──► running
 *                      │ end, RESTART_NEVER
 *                      └──────────────────► ended (or gone, where forgotten)
 * </pre>
 */
final class ProcessTable {
    private static final System.Logger LOG = System.getLogger(ProcessTable.class.getName());

    /** The most processes, those that ended included. */
    static final int MAX_PROCESSES = 1024;

    /** How many that ended for good are remembered, the latest. */
    static final int MAX_ENDED = 128;

    /** Between SIGTERM and SIGKILL. */
    private static final long PATIENCE_NANOS = 5_000_000_000L;

    private static final int UNKNOWN_STATUS = -1;

    private final Loop loop;
    private final Launcher launcher;
    private final TableFile file;
    private final Consumer<Exited> onEnd;
    private final Orphans orphans;
    private final Replacements replacements;
    private final Map<String, ManagedProcess> byName = new LinkedHashMap<>();
    private @Nullable Runnable whenEmpty;

    ProcessTable(Loop loop, Launcher launcher, TableFile file, Consumer<Exited> onEnd) {
        this.loop = loop;
        this.launcher = launcher;
        this.file = file;
        this.onEnd = onEnd;
        orphans = new Orphans(loop, this::endIfEmpty);
        replacements = new Replacements(loop, launcher, this::watch);
    }

    /** Goes on where a keeper that was killed left off. */
    void adopt(List<KeeperProcess> rows) {
        Map<String, Integer> marks = rows.isEmpty() ? Map.of() : Proc.byVariable(Launcher.MARK);
        List<ManagedProcess> ended = new ArrayList<>();
        for (KeeperProcess row : rows) {
            ManagedProcess process = ManagedProcess.of(row);
            byName.put(process.name(), process);
            // It may have been started since the table was written: then only its mark tells.
            int pid = isAlive(row) ? row.getPid() : marks.getOrDefault(mark(process), 0);
            if (pid == 0 || !watch(process, pid, row.getStartedUnixMs())) {
                if (row.getPid() != 0 || process.restartsAlways()) {
                    ended.add(process);
                }
            } else {
                log("adopted {0} as {1}", process.name(), pid);
            }
        }
        for (ManagedProcess process : ended) {
            settle(process, 0, UNKNOWN_STATUS, 0, Ends.text(null));
        }
        save();
    }

    private String mark(ManagedProcess process) {
        return launcher.mark(process.name());
    }

    private static boolean isAlive(KeeperProcess row) {
        return row.getPid() != 0 && Proc.startedTicks(row.getPid()) == row.getStartedTicks();
    }

    /**
     * Makes sure that a process runs, started as {@code spec} says from now on.
     *
     * @throws RefusedException if it cannot be started
     */
    void ensure(Spawn spec) throws RefusedException {
        @Nullable ManagedProcess process = byName.get(spec.getProcess());
        if (process != null && isActive(process)) {
            process.spec(spec);
            save();
        } else {
            start(spec, List.of());
        }
    }

    /**
     * Starts a process.
     *
     * @param inherit become 3, 4, … in it; they stay the caller's
     * @return its pid
     * @throws RefusedException if it cannot be started, or the next keeper could not know of it
     */
    int start(Spawn spec, List<Descriptor> inherit) throws RefusedException {
        Launcher.check(spec, inherit);
        if (whenEmpty != null) {
            throw new RefusedException("process: the host is being shut down");
        }
        @Nullable ManagedProcess before = byName.get(spec.getProcess());
        if (before != null && isActive(before)) {
            throw new RefusedException("process: " + spec.getProcess() + " runs already");
        }
        if (before == null && byName.size() >= MAX_PROCESSES) {
            throw new RefusedException("process: at most " + MAX_PROCESSES);
        }
        ManagedProcess process = new ManagedProcess(spec);
        byName.remove(spec.getProcess()); // it becomes the youngest
        byName.put(spec.getProcess(), process);
        try { // first: a successor must know the name of what it may find
            write();
        } catch (IOException e) {
            byName.remove(spec.getProcess());
            if (before != null) {
                byName.put(spec.getProcess(), before);
            }
            throw new RefusedException(
                    "process: %s cannot be remembered: %s"
                            .formatted(spec.getProcess(), e.getMessage()));
        }
        try {
            return launch(process, inherit);
        } catch (IOException | LinuxException e) {
            byName.remove(spec.getProcess());
            throw new RefusedException("executable: cannot be started: " + e.getMessage());
        } finally {
            save();
        }
    }

    private static boolean isActive(ManagedProcess process) {
        return process.running() != null || process.waitsForRestart();
    }

    private int launch(ManagedProcess process, List<Descriptor> inherit) throws IOException {
        int pid = launcher.launch(process.spec(), inherit);
        Failpoint.KEEPER_PROCESS_STARTED.hit();
        if (!watch(process, pid, System.currentTimeMillis())) {
            Processes.kill(pid, Signals.SIGKILL);
            throw new IOException("it cannot be watched");
        }
        log("started {0} as {1}", process.name(), pid);
        return pid;
    }

    private boolean watch(ManagedProcess process, int pid, long startedUnixMs) {
        Descriptor pidfd;
        try {
            pidfd = Processes.pidfd(pid);
        } catch (LinuxException e) {
            return false; // ended and reaped by another, or no descriptor is left
        }
        long ticks = Proc.startedTicks(pid);
        watch(process, new ManagedProcess.Running(pid, ticks, startedUnixMs, pidfd, 0));
        return true;
    }

    private void watch(ManagedProcess process, ManagedProcess.Running one) {
        long token = loop.watch(one.pidfd(), () -> ended(process));
        process.runs(
                new ManagedProcess.Running(
                        one.pid(), one.startedTicks(), one.startedUnixMs(), one.pidfd(), token));
    }

    private void ended(ManagedProcess process) {
        ManagedProcess.@Nullable Running ran = process.running();
        if (ran == null) {
            return;
        }
        loop.unwatch(ran.token());
        ran.pidfd().close();
        Processes.@Nullable Ended end = Ends.reap(ran.pid());
        int status = end == null || end.signal() != 0 ? UNKNOWN_STATUS : end.exitStatus();
        int signal = end == null ? 0 : end.signal();
        @Nullable Replacement next = process.replacement();
        if (next != null && next.phase() == Replacement.Phase.HANDING_OVER) {
            handOver(process, next, Ends.text(end));
            tell(exited(process, ran.pid(), status, signal).setHandedOver(true), true);
        } else {
            if (next != null && next.phase() == Replacement.Phase.TAKING_OVER) {
                replacements.takenBack(process, next, Ends.text(end));
            }
            settle(process, ran.pid(), status, signal, Ends.text(end));
        }
        save();
        orphans.look(this::isManaged);
        endIfEmpty();
    }

    private void handOver(ManagedProcess process, Replacement next, String how) {
        process.ended(how, System.nanoTime());
        process.endedAt(next.handedOverUnixMs());
        replacements.promote(process, next);
    }

    /**
     * A process has let go of everything. Where another is to take its place, that one is given it
     * before this one, which holds it too, ends: so there is always somebody who has it, whoever is
     * killed meanwhile.
     */
    void letGo(String name, int pid) {
        @Nullable ManagedProcess process = byName.get(name);
        ManagedProcess.@Nullable Running running = process == null ? null : process.running();
        @Nullable Replacement next = process == null ? null : process.replacement();
        if (process == null
                || running == null
                || running.pid() != pid
                || next == null
                || next.phase() != Replacement.Phase.HANDING_OVER) {
            return; // it ends by itself, and is started again
        }
        loop.unwatch(running.token());
        handOver(process, next, "handed over");
        Processes.kill(pid, Signals.SIGKILL); // at once: both have everything; now it is an orphan
        running.pidfd().close();
        tell(exited(process, pid, 0, 0).setHandedOver(true), true);
        save();
        orphans.look(this::isManaged);
    }

    private boolean isManaged(long pid) {
        return byName.values().stream()
                .anyMatch(process -> process.pid() == pid || process.standbyPid() == pid);
    }

    /** A process is not there any more: tell, and start it again where it is to live. */
    private void settle(ManagedProcess process, int pid, int status, int signal, String end) {
        long unixMs = System.currentTimeMillis();
        long delay = process.ended(end, System.nanoTime());
        process.endedAt(unixMs);
        boolean restarting = delay >= 0 && whenEmpty == null;
        log("{0} ended: {1}", process.name(), end);
        if (!restarting && process.isForgotten()) {
            byName.remove(process.name());
        }
        tell(exited(process, pid, status, signal).setUnixMs(unixMs), restarting);
        if (!restarting) {
            dropOldest();
        } else if (delay == 0) {
            restart(process);
        } else {
            process.restartsBy(loop.after(delay, () -> restartAndSave(process)));
        }
    }

    private static Exited.Builder exited(ManagedProcess process, int pid, int status, int signal) {
        return Exited.newBuilder()
                .setProcess(process.name())
                .setPid(pid)
                .setExitStatus(status)
                .setSignal(signal)
                .setUnixMs(System.currentTimeMillis());
    }

    private void tell(Exited.Builder end, boolean restarting) {
        onEnd.accept(end.setRestarting(restarting).build());
    }

    private void restartAndSave(ManagedProcess process) {
        restart(process);
        save();
    }

    private void restart(ManagedProcess process) {
        process.countRestart();
        try {
            launch(process, List.of());
        } catch (IOException | LinuxException e) {
            process.ended("cannot be started: " + e.getMessage(), System.nanoTime());
            log("{0} cannot be started: {1}", process.name(), e);
            process.restartsBy(loop.after(RestartPace.SLOW_NANOS, () -> restartAndSave(process)));
        }
    }

    /**
     * A process serves again what the one of its name before it served. Of one that is being
     * replaced only the new one's word counts: the old one's may come late.
     *
     * @param pid who says so
     * @return how long it was not, in milliseconds; -1 where there was no end
     */
    long serves(String name, int pid, long unixMs) {
        @Nullable ManagedProcess process = byName.get(name);
        if (process == null) {
            return -1;
        }
        @Nullable Replacement next = process.replacement();
        if (next == null || next.phase() != Replacement.Phase.TAKING_OVER) {
            return process.serves(unixMs);
        }
        if (next.standby().pid() != pid) {
            return -1;
        }
        long pauseMs = process.serves(unixMs);
        replacements.serves(process, next, pauseMs);
        return pauseMs;
    }

    /** 0: it does not run. */
    int pid(String name) {
        @Nullable ManagedProcess process = byName.get(name);
        return process == null ? 0 : process.pid();
    }

    /**
     * Puts another process in the place of one that runs.
     *
     * @param outcome hears of it later, unless this throws
     */
    void replace(Spawn spec, Replacement.Outcome outcome) throws RefusedException {
        @Nullable ManagedProcess process = byName.get(spec.getProcess());
        if (process == null || !isActive(process) || whenEmpty != null) {
            throw new RefusedException("process: " + spec.getProcess() + " does not run");
        }
        replacements.begin(process, spec, outcome);
    }

    /**
     * A process that was started to replace another is ready.
     *
     * @param give gives it what is held, when it is its turn
     */
    void standsBy(String name, int pid, Runnable give) throws RefusedException {
        @Nullable ManagedProcess process = byName.get(name);
        if (process == null) {
            throw new RefusedException("standby: there is no process " + name);
        }
        replacements.ready(process, pid, give);
        save();
    }

    private void dropOldest() {
        List<String> ended =
                byName.values().stream()
                        .filter(process -> !isActive(process))
                        .map(ManagedProcess::name)
                        .toList();
        if (ended.size() > MAX_ENDED) {
            byName.remove(ended.getFirst());
        }
    }

    /** Sends a signal, and forgets the process where that is asked for. */
    void kill(String name, int signal, boolean forget) throws RefusedException {
        if (signal < 0 || signal > 64) {
            throw new RefusedException("signal: expected 0 to 64, got " + signal);
        }
        @Nullable ManagedProcess process = byName.get(name);
        ManagedProcess.@Nullable Running running = process == null ? null : process.running();
        if (process == null || running == null && !forget) {
            if (forget) {
                return;
            }
            throw new RefusedException("process: " + name + " does not run");
        }
        if (forget) {
            process.forget();
            replacements.shutDown(process);
        }
        if (running == null) {
            byName.remove(name);
        } else if (running.isAlive()) {
            Processes.kill(running.pid(), signal);
        }
        if (forget) {
            save();
        }
    }

    /** Whether the name is in the table and may hold descriptors beyond its connections. */
    boolean keepsDescriptorsOf(String name) {
        @Nullable ManagedProcess process = byName.get(name);
        return process != null && isActive(process);
    }

    List<Process> list() {
        List<Process> all = new ArrayList<>();
        for (ManagedProcess process : byName.values()) {
            Process.Builder row =
                    Process.newBuilder()
                            .setName(process.name())
                            .setRestarts(process.restarts())
                            .setLastEnd(process.lastEnd());
            ManagedProcess.@Nullable Running running = process.running();
            if (running != null) {
                row.setPid(running.pid())
                        .setStartedUnixMs(running.startedUnixMs())
                        .setPrivateBytes(Proc.privateBytes(running.pid()));
            }
            all.add(row.build());
        }
        return all;
    }

    /**
     * Ends every process, by SIGTERM, then by SIGKILL; none is started any more.
     *
     * @param whenEmpty called once, when all have ended
     */
    void shutDown(Runnable whenEmpty) {
        if (this.whenEmpty != null) {
            return;
        }
        this.whenEmpty = whenEmpty;
        byName.values().forEach(ManagedProcess::cancelRestart);
        byName.values().forEach(replacements::shutDown);
        orphans.look(this::isManaged);
        signalAll(Signals.SIGTERM);
        loop.after(PATIENCE_NANOS, () -> signalAll(Signals.SIGKILL));
        loop.after(2 * PATIENCE_NANOS, whenEmpty); // one that not even SIGKILL ends, in the kernel
        endIfEmpty();
    }

    private void signalAll(int signal) {
        for (ManagedProcess process : byName.values()) {
            ManagedProcess.@Nullable Running running = process.running();
            if (running != null && running.isAlive()) {
                Processes.kill(running.pid(), signal);
            }
        }
        orphans.signal(signal);
    }

    private void endIfEmpty() {
        if (whenEmpty != null && orphans.isEmpty() && isIdle()) {
            whenEmpty.run();
        }
    }

    /** Whether nothing of the table runs. */
    boolean isIdle() {
        return byName.values().stream().allMatch(process -> process.running() == null);
    }

    private void write() throws IOException {
        file.write(byName.values().stream().map(ManagedProcess::record).toList());
    }

    /** Where it cannot be written the last one stays: it names all that run. */
    void save() {
        try {
            write();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.ERROR, "the table is not saved: {0}", e.getMessage());
        }
    }

    /** Where those print that run. */
    List<Path> logs() {
        return byName.values().stream()
                .filter(process -> process.running() != null)
                .map(process -> process.spec().getLogFile())
                .filter(log -> !log.isEmpty())
                .map(Path::of)
                .toList();
    }

    private static void log(String text, Object first, Object second) {
        LOG.log(System.Logger.Level.INFO, text, first, second.toString());
    }
}
