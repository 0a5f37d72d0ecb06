package niter.controller;

import io.grpc.Server;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperStarter;
import niter.controller.control.MetricsServer;
import niter.controller.control.StateDirectory;
import niter.controller.control.StateDirectoryException;
import niter.linux.Descriptor;
import niter.linux.Failpoint;
import niter.linux.LinuxException;
import niter.linux.Processes;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * The controller's process, started by the keeper: {@code ControllerMain [--state DIR]}. It may be
 * killed at any time; what it knows is on disk and with the keeper.
 */
public final class ControllerMain {
    private static final String NAME = "controller";
    private static final int CANNOT_START = 1;

    private ControllerMain() {}

    /** Serves until it is killed; ends with 1 and one line where it cannot serve. */
    public static void main(String[] arguments) {
        try {
            Processes.setName("niter-controller");
            Failpoint.check();
            serve(StateDirectory.fromArguments(arguments).open()).awaitTermination();
        } catch (IOException
                | LinuxException
                | StateDirectoryException
                | IllegalArgumentException e) {
            System.err.println("niter-controller: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        System.exit(CANNOT_START);
    }

    private static Server serve(StateDirectory state) throws IOException {
        KeeperStarter starter = KeeperStarter.fromEnvironment(state);
        KeeperClient keeper = KeeperClient.connect(state.keeperSocket(), NAME, starter::start);
        Host host =
                new Host(
                        state,
                        keeper,
                        System.getenv("NITER_JAVA"),
                        Path.of(System.getenv("NITER_DIST")));
        Map<String, Descriptor> given = new HashMap<>(keeper.given());
        @Nullable Descriptor held = given.remove(CardListener.KEY);
        host.resume(given);
        Descriptor listener = listener(state, keeper, held);
        new CardListener(listener, host.cards(), host::cardConnected).start();
        Server server =
                NorthboundServer.start(state.controllerSocket(), new NorthboundService(host));
        MetricsServer.start(state.metricsSocket(NAME), host::measure);
        host.begin(); // last: it tells the keeper, and so the user, that all is ready
        return server;
    }

    private static Descriptor listener(
            StateDirectory state, KeeperClient keeper, @Nullable Descriptor held)
            throws IOException {
        if (held != null) {
            return held;
        }
        Descriptor fresh =
                UnixSocket.listen(
                        state.controlSocket(), UnixSocket.Type.SEQPACKET, CardListener.BACKLOG);
        keeper.hold(Map.of(CardListener.KEY, fresh));
        return fresh;
    }
}
