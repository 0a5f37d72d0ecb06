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
    private boolean forgotten;

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
        process.forgotten = row.getForgotten();
        return process;
    }
}
