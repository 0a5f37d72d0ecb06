package niter.cli;

import picocli.CommandLine.Command;

/** Ends every process of this host; done already where none runs. */
@Command(
        name = "down",
        mixinStandardHelpOptions = true,
        description = {
            "Stop all instances and end every niter process of yours on this machine.",
            "What ran starts again with niter up. Done already where nothing runs."
        })
final class DownCommand implements Runnable {
    @Override
    public void run() {
        try (Progress progress = Progress.onStandardError()) {
            Host.open().down(progress);
        }
    }
}
