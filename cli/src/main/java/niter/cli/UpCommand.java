package niter.cli;

import niter.controller.control.StateDirectory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Starts the processes of this host; done already where they run. */
@Command(
        name = "up",
        mixinStandardHelpOptions = true,
        description = {
            "Start niter on this machine: keeper, controller, cards.",
            "Instances that ran when it went down start again. Done already where it is up."
        })
final class UpCommand implements Runnable {
    @Option(
            names = "--tap",
            paramLabel = "DEVICE",
            description = {
                "From now on the way out is a TAP device of yours instead of a user-mode network:",
                "the host routes to the instances' own addresses, and translates where you say so."
            })
    private String tap = "";

    @Option(names = "--no-tap", description = "From now on it is the user-mode network again.")
    private boolean noTap;

    @Override
    public void run() {
        if (noTap && !tap.isEmpty()) {
            throw new CliException("up: --tap and --no-tap: expected one of them");
        }
        try (Progress progress = Progress.onStandardError()) {
            Host host = Host.open();
            if (noTap || !tap.isEmpty()) {
                host.beforeStart("up: --tap, --no-tap", progress, this::choose);
            }
            host.up(progress).close();
        }
    }

    private void choose(StateDirectory state) {
        if (noTap) {
            TapUplink.forget(state);
        } else {
            TapUplink.choose(state, tap);
        }
    }
}
