package niter.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Logs in to an instance by SSH. */
@Command(
        name = "ssh",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Log in to an instance, or run a command in it, by SSH: ends with its exit status, 255"
                    + " where SSH fails.",
            "It goes through the instance's security groups, as from 192.0.0.2, and trusts the host"
                    + " keys that the instance printed on its console."
        })
final class SshCommand implements Callable<Integer> {
    @Option(
            names = {"-l", "--login"},
            paramLabel = "USER",
            defaultValue = "root",
            description = "User (${DEFAULT-VALUE}).")
    private String user = "";

    @Option(names = "-t", description = "Give the command a terminal.")
    private boolean terminal;

    @Option(names = "--stdio", hidden = true, description = "For the ssh_config's ProxyCommand.")
    private boolean stdio;

    @Option(names = "--host-keys", hidden = true, description = "For its KnownHostsCommand.")
    private boolean hostKeys;

    @Parameters(index = "0", paramLabel = "INSTANCE", description = "Id or name.")
    private String instance = "";

    @Parameters(index = "1..*", paramLabel = "COMMAND", description = "With its arguments.")
    private List<String> command = new ArrayList<>();

    @Override
    public Integer call() {
        if (stdio) {
            SshConfig.pipe(instance);
            return 0;
        }
        if (hostKeys) {
            SshConfig.printHostKeys(instance);
            return 0;
        }
        SshTarget target = SshTarget.of(instance);
        List<String> arguments = new ArrayList<>(target.options());
        arguments.addAll(List.of("-l", user, "-p", Integer.toString(target.port())));
        if (terminal) {
            arguments.add("-t");
        }
        arguments.addAll(List.of("--", target.address())); // no option of ssh's behind it
        boolean dashes = !command.isEmpty() && command.getFirst().equals("--");
        arguments.addAll(dashes ? command.subList(1, command.size()) : command);
        return SshTarget.become("ssh", arguments);
    }
}
