package niter.cli;

import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** The niter command: instances from nothing, on machines you own. */
@Command(
        name = "niter",
        mixinStandardHelpOptions = true,
        versionProvider = VersionCommand.Provider.class,
        description = "EC2-compatible instances on this machine.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "niter COMMAND --help says more about a command.",
            "niter lab --help lists measurements, and tests that kill; niter test runs all tests."
        },
        subcommands = {
            RunCommand.class,
            PsCommand.class,
            ConsoleCommand.class,
            LogsCommand.class,
            EventsCommand.class,
            StopCommand.class,
            StartCommand.class,
            RebootCommand.class,
            TerminateCommand.class,
            UpCommand.class,
            DownCommand.class,
            ProcessesCommand.class,
            CardCommand.class,
            DfCommand.class,
            TypesCommand.class,
            SshCommand.class,
            CpCommand.class,
            SgCommand.class,
            PrefixListCommand.class,
            PortsCommand.class,
            VpcCommand.class,
            VolumeCommand.class,
            ImageCommand.class,
            PruneCommand.class,
            DoctorCommand.class,
            CompletionCommand.class,
            VersionCommand.class,
            CommandLine.HelpCommand.class
        })
public final class NiterMain {
    /** Exit status where Niter itself failed; a guest's command has all others, as with docker. */
    static final int FAILURE = 125;

    private static final boolean DEBUG = System.getenv("NITER_DEBUG") != null;

    NiterMain() {}

    /** Runs the command that the arguments name. */
    public static void main(String[] arguments) {
        Undo.watch();
        int status = commandLine().execute(arguments);
        if (Undo.isEnding()) {
            return; // by a signal, whose status is the process's
        }
        System.exit(status);
    }

    static CommandLine commandLine() {
        CommandLine line = new CommandLine(new NiterMain());
        line.setExpandAtFiles(false); // an argument of a guest's command may begin with @
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setUsageHelpAutoWidth(false);
        for (CommandLine command : line.getSubcommands().values()) {
            // What follows the guest's command is the command's.
            command.setStopAtPositional(
                    command.getCommand() instanceof RunCommand
                            || command.getCommand() instanceof SshCommand);
        }
        line.setParameterExceptionHandler(NiterMain::usage);
        line.setExecutionExceptionHandler(NiterMain::failure);
        return line;
    }

    private static int usage(ParameterException error, String[] arguments) {
        CommandLine at = error.getCommandLine();
        PrintWriter err = at.getErr();
        String command = at.getCommandSpec().qualifiedName();
        String message = error.getMessage();
        err.print("niter: " + (message == null ? "wrong arguments" : firstLine(message)));
        if (error instanceof UnmatchedArgumentException unmatched) {
            String guess = String.join(", ", unmatched.getSuggestions());
            err.print(guess.isEmpty() ? "" : ", did you mean " + guess + "?");
        }
        err.println(
                message != null && message.contains("--help") ? "" : ": " + command + " --help");
        err.flush();
        return FAILURE;
    }

    private static int failure(Exception error, CommandLine at, ParseResult parsed) {
        if (Undo.isEnding()) {
            return FAILURE;
        }
        at.getErr().println("niter: " + ErrorLine.of(error));
        if (DEBUG) {
            error.printStackTrace(at.getErr());
        }
        at.getErr().flush();
        return FAILURE;
    }

    private static String firstLine(String text) {
        return text.strip().lines().findFirst().orElse("");
    }
}
