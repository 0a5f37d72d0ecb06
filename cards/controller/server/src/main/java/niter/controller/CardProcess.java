package niter.controller;

import java.io.IOException;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperRefusedException;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.Process;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.Spawn;

/** A card's process, which starts when it is first needed. */
final class CardProcess {
    private final String name;
    private final KeeperClient keeper;
    private final StateDirectory state;
    private final String java;
    private final String argumentFile;

    /**
     * A process that may run or not.
     *
     * @param name the card's, in the keeper's table
     * @param java the program that runs it
     * @param argumentFile its arguments
     */
    CardProcess(
            String name,
            KeeperClient keeper,
            StateDirectory state,
            String java,
            String argumentFile) {
        this.name = name;
        this.keeper = keeper;
        this.state = state;
        this.java = java;
        this.argumentFile = argumentFile;
    }

    boolean isRunning() throws IOException {
        for (Process process : keeper.processes()) {
            if (process.getName().equals(name) && process.getPid() > 0) {
                return true;
            }
        }
        return false;
    }

    /** Does nothing where it runs. */
    void start() throws IOException {
        if (isRunning()) {
            return;
        }
        Spawn spawn =
                Spawn.newBuilder()
                        .setProcess(name)
                        .setExecutable(java)
                        .addArguments("niter-" + name)
                        .addArguments("@" + argumentFile)
                        .addArguments("--state")
                        .addArguments(state.root().toString())
                        .setLogFile(state.log(name).toString())
                        .setRestart(RestartPolicy.RESTART_ALWAYS)
                        .build();
        try {
            keeper.spawn(spawn);
        } catch (KeeperRefusedException e) {
            // Another one started it, or it is about to be started again.
            if (keeper.processes().stream().noneMatch(one -> one.getName().equals(name))) {
                throw new IOException(
                        "the card " + name + " cannot be started: " + e.getMessage(), e);
            }
        }
    }
}
