package niter.cli;

import picocli.CommandLine.Command;

/** Security groups: who may reach whom. */
@Command(
        name = "sg",
        mixinStandardHelpOptions = true,
        description = {
            "List and change security groups.",
            "A group's rules allow; what no rule of an instance's groups allows is dropped. Callers on"
                    + " this host come from 192.0.0.2."
        },
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            SgListCommand.class,
            SgCreateCommand.class,
            SgDeleteCommand.class,
            SgAuthorizeCommand.class,
            SgRevokeCommand.class
        })
final class SgCommand {}
