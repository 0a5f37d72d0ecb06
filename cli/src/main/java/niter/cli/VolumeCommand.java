package niter.cli;

import picocli.CommandLine.Command;

/** Volumes beside the instances' root volumes. */
@Command(
        name = "volume",
        mixinStandardHelpOptions = true,
        description = {
            "Make volumes, and attach them to instances that run or are stopped. A volume outlives"
                    + " the instances that it was attached to."
        },
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            VolumeCreateCommand.class,
            VolumeAttachCommand.class,
            VolumeDetachCommand.class,
            VolumeListCommand.class,
            VolumeRemoveCommand.class
        })
final class VolumeCommand {}
