package niter.cli;

import niter.images.Images;
import picocli.CommandLine.Command;

/** Gives disk space back. */
@Command(
        name = "prune",
        mixinStandardHelpOptions = true,
        description = {
            "Remove images that no instance starts from, and downloaded packages.",
            "All of it is made or fetched again when it is needed."
        })
final class PruneCommand implements Runnable {
    @Override
    public void run() {
        long freed;
        try (Progress progress = Progress.onStandardError()) {
            progress.waiting("Removing");
            freed = Images.prune(CacheDirectory.fromEnvironment(), UsedImages.now());
        }
        System.out.println("freed " + ProgressText.bytes(freed));
    }
}
