package niter.controller;

import java.io.IOException;
import niter.controller.control.KeeperClient;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.Spawn;

/** A card's process, which starts when it is first needed. */
final class CardProcess {
    private final KeptProcess process;
    private final Spawn spawn;

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
        process = new KeptProcess(name, keeper);
        spawn =
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
    }

    boolean isRunning() throws IOException {
        return process.isRunning();
    }

    /** Does nothing where it runs. */
    void start() throws IOException {
        process.start(spawn);
    }
}
