package niter.controller;

import java.io.IOException;
import java.nio.file.Path;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperRefusedException;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.Spawn;

/** A card's process, which starts when it is first needed. */
final class CardProcess {
    private final String name;
    private final KeeperClient keeper;
    private final StateDirectory state;
    private final KeptProcess process;
    private final String java;
    private final Path dist;

    /**
     * A process that may run or not.
     *
     * @param name the card's, in the keeper's table
     * @param java the program that runs it
     * @param dist where the newest build is, or a link to it; its arguments are in NAME.args
     */
    CardProcess(String name, KeeperClient keeper, StateDirectory state, String java, Path dist) {
        this.name = name;
        this.keeper = keeper;
        this.state = state;
        this.java = java;
        this.dist = dist;
        process = new KeptProcess(name, keeper);
    }

    /**
     * How it is started. A build is named by its own directory, not by a link: whatever is built
     * meanwhile, a card that is restarted is the one that ran.
     */
    private Spawn spawn(String program, Path build) throws IOException {
        return Spawn.newBuilder()
                .setProcess(name)
                .setExecutable(program)
                .addArguments("niter-" + name)
                .addArguments("@" + build.toRealPath().resolve(name + ".args"))
                .addArguments("--state")
                .addArguments(state.root().toString())
                .setLogFile(state.log(name).toString())
                .setRestart(RestartPolicy.RESTART_ALWAYS)
                .build();
    }

    boolean isRunning() throws IOException {
        return process.isRunning();
    }

    /** Whether it runs or is about to be started again, with what the one before was told. */
    boolean isKept() throws IOException {
        return process.isKept();
    }

    /** Does nothing where it runs. */
    void start() throws IOException {
        process.start(spawn(java, dist));
    }

    /**
     * Has another build take over from the one that runs.
     *
     * @return the pause in milliseconds
     * @throws ApiException if it does not start or does not serve; then the one that ran serves
     */
    long update(String program, Path build) throws ApiException, IOException {
        if (!isRunning()) {
            throw ApiException.precondition(
                    "card: %s does not run: the newest build starts when it is first needed"
                            .formatted(name));
        }
        try {
            return keeper.replace(spawn(program, build));
        } catch (KeeperRefusedException e) {
            throw ApiException.precondition(
                    "%s is not updated: %s: %s says more; the build that ran serves"
                            .formatted(name, e.getMessage(), state.log(name)));
        }
    }
}
