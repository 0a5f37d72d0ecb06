package niter.card.vpc;

import java.io.IOException;
import java.util.Map;
import niter.controller.control.CardConnection;
import niter.controller.control.CardEvents;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperStarter;
import niter.controller.control.MetricsServer;
import niter.controller.control.StateDirectory;
import niter.controller.control.StateDirectoryException;
import niter.controller.control.protocol.Exited;
import niter.linux.Descriptor;
import niter.linux.Failpoint;
import niter.linux.LinuxException;
import niter.linux.Processes;
import niter.pcie.Escrow;
import org.jspecify.annotations.Nullable;

/**
 * The VPC card's process, started by the keeper: {@code VpcMain [--state DIR]}. It may be killed at
 * any time; its successor goes on with every interface and every flow.
 */
public final class VpcMain {
    /** In the keeper's table. */
    static final String NAME = "vpc";

    private static final int CANNOT_START = 1;

    private VpcMain() {}

    /** Serves until it is killed; ends with 1 and one line where it cannot serve. */
    public static void main(String[] arguments) {
        try {
            Processes.setName("niter-vpc");
            Failpoint.check();
            CardConnection.endOnError();
            serve(StateDirectory.fromArguments(arguments).open());
        } catch (IOException
                | LinuxException
                | StateDirectoryException
                | IllegalArgumentException e) {
            System.err.println("niter-vpc: " + e.getMessage());
            System.exit(CANNOT_START);
        }
    }

    private static void serve(StateDirectory state) throws IOException {
        KeeperStarter starter = KeeperStarter.fromEnvironment(state);
        KeeperClient keeper =
                KeeperClient.connectInTurn(state.keeperSocket(), NAME, starter::start);
        CardEvents events = new CardEvents();
        Card card =
                new Card(
                        new KeeperEscrow(keeper),
                        keeper.given(),
                        events,
                        new Card.Neighbours(
                                state.servicesSocket(),
                                state.uplinkSocket(),
                                state.captureSocket()));
        CardConnection.handOverOnSigterm(keeper, card::detach);
        if (!card.hasResumedAll() && KeeperClient.replaces()) {
            // The build before this one serves what this one cannot.
            throw new IOException("functions of another version");
        }
        keeper.serving();
        MetricsServer.start(state.metricsSocket(NAME), card::measure);
        new CardConnection(state.controlSocket(), NAME, card::answer, events).run();
    }

    /** The keeper as the place where descriptors survive. */
    private record KeeperEscrow(KeeperClient keeper) implements Escrow {
        @Override
        public void hold(Map<String, Descriptor> byKey) throws IOException {
            keeper.hold(byKey);
        }

        @Override
        public void release(String... keys) throws IOException {
            keeper.release(keys);
        }

        @Override
        public @Nullable End endOf(int pid) {
            try {
                @Nullable Exited end = keeper.endOf(pid);
                return end == null ? null : new End(end.getUnixMs(), end.getSignal());
            } catch (IOException e) { // the function is not judged by what nobody knows
                return null;
            }
        }
    }
}
