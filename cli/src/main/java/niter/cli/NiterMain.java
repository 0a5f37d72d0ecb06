package niter.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The niter command: instances from nothing, on machines you own. */
@Command(
        name = "niter",
        mixinStandardHelpOptions = true,
        description = "EC2-compatible instances on this machine.",
        subcommands = {VersionCommand.class})
public final class NiterMain {
    private NiterMain() {}

    /** Runs the command that the arguments name. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new NiterMain()).execute(arguments));
    }
}
