package niter.cli;

import java.util.Map;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.UpdateCardRequest;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Has this build of a card take over from the one that runs. */
@Command(
        name = "update",
        mixinStandardHelpOptions = true,
        description = {
            "Start this build of a card beside the one that runs, and have it take over.",
            "For instances that is a pause. A build that does not start or does not serve is ended,",
            "and the one that ran goes on."
        })
final class CardUpdateCommand implements Runnable {
    @Parameters(paramLabel = "CARD", description = "ebs or vpc.")
    private String card = "";

    @Override
    public void run() {
        try (NorthboundChannel channel = Host.open().connect()) {
            long pauseMs =
                    channel.blocking()
                            .updateCard(
                                    UpdateCardRequest.newBuilder()
                                            .setCard(card)
                                            .setJava(variable("NITER_JAVA"))
                                            .setDist(variable("NITER_DIST"))
                                            .build())
                            .getPauseMs();
            System.out.println(card + ": updated, a pause of " + pauseMs + " ms");
        }
    }

    private static String variable(String name) {
        Map<String, String> environment = System.getenv();
        @Nullable String value = environment.get(name);
        if (value == null) {
            throw new CliException(name + " is not set: start this with ./niter");
        }
        return value;
    }
}
