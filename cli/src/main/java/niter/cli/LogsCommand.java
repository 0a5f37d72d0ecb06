package niter.cli;

import java.io.IOException;
import java.util.Iterator;
import niter.controller.northbound.ConsoleOutput;
import niter.controller.northbound.ConsoleOutputRequest;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Prints what an instance wrote to its serial console. */
@Command(
        name = "logs",
        mixinStandardHelpOptions = true,
        description = "Print what an instance wrote to its serial console, the last MiB or two.")
final class LogsCommand implements Runnable {
    @Option(
            names = {"-f", "--follow"},
            description = "Go on while it runs.")
    private boolean follow;

    @Parameters(paramLabel = "INSTANCE", description = "Id or name.")
    private String instance = "";

    @Override
    public void run() {
        try (NorthboundChannel channel = Host.open().connect()) {
            Iterator<ConsoleOutput> output =
                    channel.blocking()
                            .getConsoleOutput(
                                    ConsoleOutputRequest.newBuilder()
                                            .setInstance(instance)
                                            .setFollow(follow)
                                            .build());
            while (output.hasNext()) {
                output.next().getData().writeTo(System.out);
                System.out.flush();
            }
        } catch (IOException e) {
            throw new CliException("standard output: " + ErrorLine.reason(e), e);
        }
    }
}
