package niter.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes an instance, runs a command or a shell in it and removes it. */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Make an instance, run a command in it, end with its exit status and remove the"
                    + " instance. Without a command: a root shell.",
            "Input, output and errors pass byte by byte. 125: niter itself failed."
        })
final class RunCommand implements Callable<Integer> {
    @Option(
            names = "--image",
            paramLabel = "NAME",
            defaultValue = "micro",
            description = "Image, built at first use (${DEFAULT-VALUE}).")
    private String image = "";

    @Option(
            names = "--type",
            paramLabel = "TYPE",
            defaultValue = "niter.small",
            description = "Instance type (${DEFAULT-VALUE}); niter types lists them.")
    private String type = "";

    @Option(names = "--name", paramLabel = "NAME", description = "Name of the instance.")
    private String name = "";

    @Option(
            names = {"-d", "--detach"},
            description = "Print the ids and leave the instances running.")
    private boolean detach;

    @Option(
            names = "--count",
            paramLabel = "N",
            defaultValue = "1",
            description = "How many instances; more than one with --detach.")
    private int count = 1;

    @Mixin private RunNetwork network = new RunNetwork();

    @Option(
            names = {"-i", "--interactive"},
            description = "Pass standard input. It always does; for those used to docker.")
    private boolean interactive;

    @Option(
            names = {"-t", "--tty"},
            description = "Give the command a terminal. A shell has one where you have one.")
    private boolean terminal;

    @Parameters(arity = "0..*", paramLabel = "COMMAND", description = "With its arguments.")
    private List<String> command = new ArrayList<>();

    @Override
    public Integer call() {
        check();
        boolean shell = command.isEmpty();
        boolean withTerminal = terminal || shell && RawTerminal.isStandardInput();
        List<byte[]> arguments =
                shell ? shell(withTerminal) : OriginalArguments.last(List.copyOf(command));
        RunSession session = new RunSession(new RunSession.Wish(image, type, name, count, network));
        return detach ? session.detached() : session.attached(arguments, withTerminal);
    }

    private void check() {
        if (detach && (!command.isEmpty() || terminal || interactive)) {
            throw new CliException(
                    "run: --detach runs no command: leave out either; niter console shows an"
                            + " instance");
        }
        if (count < 1 || count > 64) {
            throw new CliException("run: --count " + count + ": expected 1 to 64");
        }
        if (count > 1 && !detach) {
            throw new CliException("run: --count " + count + ": more than one needs --detach");
        }
        if (count > 1 && !name.isEmpty()) {
            throw new CliException("run: --name is for one instance: leave out --count");
        }
        if (network.takesInput() && !detach) {
            throw new CliException(
                    "run: --user-data -: standard input is the command's: name a file, or --detach");
        }
        if (terminal && !RawTerminal.isStandardInput()) {
            throw new CliException("run: -t: standard input is no terminal: leave out -t");
        }
    }

    private static List<byte[]> shell(boolean withTerminal) {
        byte[] program = {'/', 'b', 'i', 'n', '/', 's', 'h'};
        return withTerminal ? List.of(program, new byte[] {'-', 'l'}) : List.of(program);
    }
}
