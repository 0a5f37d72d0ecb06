package niter.controller;

import java.io.IOException;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperRefusedException;
import niter.controller.control.protocol.Process;
import niter.controller.control.protocol.Spawn;

/** A process of the host, which the keeper starts once and again after each end. */
final class KeptProcess {
    private final String name;
    private final KeeperClient keeper;

    /**
     * A process that may run or not.
     *
     * @param name in the keeper's table
     */
    KeptProcess(String name, KeeperClient keeper) {
        this.name = name;
        this.keeper = keeper;
    }

    boolean isRunning() throws IOException {
        for (Process process : keeper.processes()) {
            if (process.getName().equals(name) && process.getPid() > 0) {
                return true;
            }
        }
        return false;
    }

    /** Whether it runs or, where it has ended, is about to be started again. */
    boolean isKept() throws IOException {
        return keeper.processes().stream().anyMatch(one -> one.getName().equals(name));
    }

    /** Starts it where it does not run. */
    void start(Spawn spawn) throws IOException {
        if (isRunning()) {
            return;
        }
        try {
            keeper.spawn(spawn);
        } catch (KeeperRefusedException e) {
            // Another one started it, or it is about to be started again.
            if (!isKept()) {
                throw new IOException(name + " cannot be started: " + e.getMessage(), e);
            }
        }
    }
}
