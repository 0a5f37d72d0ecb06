package niter.card.vpc;

import java.io.IOException;
import java.util.Map;
import niter.controller.control.CardConnection;
import niter.controller.control.CardEvents;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperStarter;
import niter.controller.control.StateDirectory;
import niter.controller.control.StateDirectoryException;
import niter.linux.Descriptor;
import niter.linux.LinuxException;
import niter.linux.Processes;
import niter.pcie.Escrow;

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
        KeeperClient keeper = KeeperClient.connect(state.keeperSocket(), NAME, starter::start);
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
    }
}
