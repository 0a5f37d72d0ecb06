package niter.cli;

import picocli.CommandLine.Command;

/** The cards: the processes behind the instances' devices. */
@Command(
        name = "card",
        mixinStandardHelpOptions = true,
        description = "Update running cards.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {CardUpdateCommand.class})
final class CardCommand {}
