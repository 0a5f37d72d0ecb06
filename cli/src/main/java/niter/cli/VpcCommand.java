package niter.cli;

import picocli.CommandLine.Command;

/** The network: what happens to its packets. */
@Command(
        name = "vpc",
        mixinStandardHelpOptions = true,
        description = "Look into the VPC.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {VpcCaptureCommand.class, VpcDropsCommand.class})
final class VpcCommand {}
