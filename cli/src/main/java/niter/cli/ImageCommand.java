package niter.cli;

import picocli.CommandLine.Command;

/** Images: list, build, remove. */
@Command(
        name = "image",
        mixinStandardHelpOptions = true,
        description = "List, build and remove images.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {ImageListCommand.class, ImageBuildCommand.class, ImageRemoveCommand.class})
final class ImageCommand {}
