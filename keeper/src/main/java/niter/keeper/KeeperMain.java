package niter.keeper;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import niter.controller.control.MetricsServer;
import niter.controller.control.StateDirectory;
import niter.controller.control.StateDirectoryException;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.Spawn;
import niter.linux.Failpoint;
import niter.linux.LinuxException;
import niter.linux.Processes;
import org.jspecify.annotations.Nullable;

/**
 * The keeper's process. {@code KeeperMain [--state DIR]} starts the controller and serves until it
 * is shut down, by a request or by SIGTERM; SIGKILL ends the keeper alone. It writes "ready" to its
 * standard output once the controller serves.
 */
public final class KeeperMain {
    static final String CONTROLLER = "controller";

    /** Its own name among processes. */
    static final String KEEPER = "keeper";

    private static final int CANNOT_START = 1;

    private KeeperMain() {}

    /** Ends with 0 after a shut-down, with 1 and one line where it cannot be the keeper. */
    public static void main(String[] arguments) {
        try {
            run(StateDirectory.fromArguments(arguments).open());
        } catch (IOException
                | LinuxException
                | RefusedException
                | StateDirectoryException
                | IllegalArgumentException e) {
            System.err.println("niter-keeper: " + e.getMessage());
            System.exit(CANNOT_START);
        }
        System.exit(0);
    }

    private static void run(StateDirectory state) throws IOException, RefusedException {
        Processes.setName("niter-keeper");
        Failpoint.check();
        Spawn controller = controller(state, System.getenv());
        CountDownLatch ended = new CountDownLatch(1);
        try (@Nullable KeeperLock lock = KeeperLock.take(state.run().resolve("keeper.lock"))) {
            if (lock == null) {
                throw new IOException(state + ": another keeper runs already");
            }
            Processes.becomeSubreaper();
            try (Keeper keeper = new Keeper(state, new Output(state.log("keeper")))) {
                shutDownOnSigterm(keeper, ended);
                keeper.ensure(controller);
                MetricsServer.start(state.metricsSocket(KEEPER), keeper::measure);
                keeper.run();
            }
        } finally {
            ended.countDown();
        }
    }

    /** The JVM ends when its hooks return, so this one waits. */
    private static void shutDownOnSigterm(Keeper keeper, CountDownLatch ended) {
        Thread hook =
                new Thread(
                        () -> {
                            if (ended.getCount() == 0) {
                                return; // it has ended by itself
                            }
                            keeper.requestShutDown();
                            try {
                                ended.await();
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                        },
                        "sigterm");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private static Spawn controller(StateDirectory state, Map<String, String> environment) {
        @Nullable String java = environment.get("NITER_JAVA");
        @Nullable String dist = environment.get("NITER_DIST");
        if (java == null || dist == null) {
            throw new IllegalArgumentException(
                    "NITER_JAVA and NITER_DIST are not set: start this with ./niter");
        }
        return Spawn.newBuilder()
                .setProcess(CONTROLLER)
                .setExecutable(java)
                .addArguments("niter-controller")
                .addArguments("@" + Path.of(dist).resolve("controller.args"))
                .addArguments("--state")
                .addArguments(state.root().toString())
                .setLogFile(state.log(CONTROLLER).toString())
                .setRestart(RestartPolicy.RESTART_ALWAYS)
                .build();
    }
}
