package niter.cli;

import picocli.CommandLine.Command;

/** Starts the processes of this host; done already where they run. */
@Command(
        name = "up",
        mixinStandardHelpOptions = true,
        description = {
            "Start niter on this machine: keeper, controller, cards.",
            "Instances that ran when it went down start again. Done already where it is up."
        })
final class UpCommand implements Runnable {
    @Override
    public void run() {
        try (Progress progress = Progress.onStandardError()) {
            Host.open().up(progress).close();
        }
    }
}
