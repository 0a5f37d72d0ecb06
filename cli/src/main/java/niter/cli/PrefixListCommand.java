package niter.cli;

import picocli.CommandLine.Command;

/** Prefix lists: ranges that rules of security groups name. */
@Command(
        name = "prefix-list",
        mixinStandardHelpOptions = true,
        description = {
            "List and change prefix lists: ranges under one id, which rules of security groups name"
                    + " as their source or destination."
        },
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            PrefixListListCommand.class,
            PrefixListCreateCommand.class,
            PrefixListModifyCommand.class,
            PrefixListDeleteCommand.class
        })
final class PrefixListCommand {}
