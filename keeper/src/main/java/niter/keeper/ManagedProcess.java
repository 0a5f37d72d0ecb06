package niter.keeper;

import niter.controller.control.protocol.KeeperProcess;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.Spawn;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/** One row of the process table. */
final class ManagedProcess {
    /** A process that runs: our child, or the child of a keeper before us. */
    record Running(int pid, long startedTicks, long startedUnixMs, Descriptor pidfd, long token) {
        /** Whether the number still is this process's: an adopted one is reaped by others. */
        boolean isAlive() {
            return Proc.startedTicks(pid) == startedTicks;
        }
    }

    private final RestartPace pace = new RestartPace();
    private Spawn spec;
    private @Nullable Running running;
    private Loop.@Nullable Timer restart;
    private int restarts;
    private String lastEnd = "";
    private long endedUnixMs; // 0: it serves, or never did
    private boolean forgotten;
    private @Nullable Replacement replacement;

    ManagedProcess(Spawn spec) {
        this.spec = spec;
    }

    String name() {
        return spec.getProcess();
    }

    Spawn spec() {
        return spec;
    }

    /** How it is started from now on. */
    void spec(Spawn next) {
        spec = next;
    }

    @Nullable Running running() {
        return running;
    }

    /** 0: it does not run. */
    int pid() {
        return running == null ? 0 : running.pid;
    }

    void runs(Running process) {
        running = process;
        restart = null;
    }

    /** It ended. Nanoseconds until it is started again, or -1: it is not. */
    long ended(String end, long nowNanos) {
        running = null;
        lastEnd = end;
        return restartsAlways() ? pace.ended(nowNanos) : -1;
    }

    boolean restartsAlways() {
        return spec.getRestart() == RestartPolicy.RESTART_ALWAYS && !forgotten;
    }

    /** A start that waits for its time. */
    void restartsBy(Loop.Timer timer) {
        restart = timer;
    }

    boolean waitsForRestart() {
        return restart != null;
    }

    void cancelRestart() {
        if (restart != null) {
            restart.cancel();
            restart = null;
        }
    }

    void countRestart() {
        restarts++;
    }

    int restarts() {
        return restarts;
    }

    String lastEnd() {
        return lastEnd;
    }

    /** It was seen to end. The first of several ends in a row is where the pause began. */
    void endedAt(long unixMs) {
        if (endedUnixMs == 0) {
            endedUnixMs = unixMs;
        }
    }

    /** It serves again what it served before an end. Milliseconds since then, or -1: no end. */
    long serves(long unixMs) {
        long pause = endedUnixMs == 0 ? -1 : Math.max(0, unixMs - endedUnixMs);
        endedUnixMs = 0;
        return pause;
    }

    /** What is to take its place, if anything. */
    @Nullable Replacement replacement() {
        return replacement;
    }

    /** 0: there is none. */
    int standbyPid() {
        return replacement == null ? 0 : replacement.standby().pid();
    }

    void replacedBy(@Nullable Replacement next) {
        replacement = next;
    }

    /** Not started again, and not remembered once it has ended. */
    void forget() {
        forgotten = true;
        cancelRestart();
    }

    boolean isForgotten() {
        return forgotten;
    }

    /** What one row leaves to the next keeper. */
    KeeperProcess record() {
        KeeperProcess.Builder row =
                KeeperProcess.newBuilder()
                        .setSpawn(spec)
                        .setRestarts(restarts)
                        .setLastEnd(lastEnd)
                        .setEndedUnixMs(endedUnixMs)
                        .setForgotten(forgotten);
        if (running != null) {
            row.setPid(running.pid)
                    .setStartedTicks(running.startedTicks)
                    .setStartedUnixMs(running.startedUnixMs);
        }
        return row.build();
    }

    static ManagedProcess of(KeeperProcess row) {
        ManagedProcess process = new ManagedProcess(row.getSpawn());
        process.restarts = row.getRestarts();
        process.lastEnd = row.getLastEnd();
        process.endedUnixMs = row.getEndedUnixMs();
        process.forgotten = row.getForgotten();
        return process;
    }
}
