package niter.card.vpc.services;

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

/**
 * The process of the link-local services, started by the keeper: {@code ServicesMain [--state
 * DIR]}. It may be killed at any time; its successor knows everything, and connections in progress
 * are reset.
 */
public final class ServicesMain {
    /** In the keeper's table. */
    static final String NAME = "services";

    private static final int CANNOT_START = 1;

    private ServicesMain() {}

    /** Serves until it is killed; ends with 1 and one line where it cannot serve. */
    public static void main(String[] arguments) {
        try {
            Processes.setName("niter-services");
            CardConnection.endOnError();
            serve(StateDirectory.fromArguments(arguments).open());
        } catch (IOException
                | LinuxException
                | StateDirectoryException
                | IllegalArgumentException e) {
            System.err.println("niter-services: " + e.getMessage());
            System.exit(CANNOT_START);
        }
    }

    @SuppressWarnings("try") // the services end with the process
    private static void serve(StateDirectory state) throws IOException {
        KeeperStarter starter = KeeperStarter.fromEnvironment(state);
        KeeperClient keeper = KeeperClient.connect(state.keeperSocket(), NAME, starter::start);
        CardEvents events = new CardEvents();
        Services services =
                new Services(
                        state.servicesSocket(),
                        new KeeperEscrow(keeper),
                        keeper.given(),
                        events,
                        new HostResolvers());
        keeper.serving();
        new CardConnection(state.controlSocket(), NAME, services::answer, events).run();
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
