package niter.cli;

import java.util.concurrent.Callable;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Joins the terminal and an instance's serial console. */
@Command(
        name = "console",
        mixinStandardHelpOptions = true,
        description = {
            "Join this terminal and the serial console of an instance.",
            "Every key passes, Ctrl-C too; Ctrl-] leaves, and the end of input where that is no"
                    + " terminal (niter logs -f only reads). A serial line has no window size: after a"
                    + " change of it, run resize in the guest, which asks this terminal."
        })
final class ConsoleCommand implements Callable<Integer> {
    @Parameters(paramLabel = "INSTANCE", description = "Id or name.")
    private String instance = "";

    @Override
    public Integer call() {
        try (NorthboundChannel channel = Host.open().connect()) {
            ConsoleSession session = new ConsoleSession(channel, instance);
            if (!RawTerminal.isStandardInput()) {
                return session.run();
            }
            System.err.println("niter: Ctrl-] leaves the console");
            try (RawTerminal _ = RawTerminal.open()) {
                return session.run();
            }
        }
    }
}
