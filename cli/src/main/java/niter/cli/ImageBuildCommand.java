package niter.cli;

import java.util.List;
import niter.images.Image;
import niter.images.Images;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Builds images. */
@Command(
        name = "build",
        mixinStandardHelpOptions = true,
        description = {
            "Build images from Debian packages, without root.",
            "One that is built already is built again where a package has a newer version."
        })
final class ImageBuildCommand implements Runnable {
    @Parameters(
            arity = "1..*",
            paramLabel = "NAME",
            description = "Which: niter image ls lists them.")
    private List<String> names = List.of();

    @Override
    public void run() {
        for (String name : names) {
            Image image;
            try (Progress progress = Progress.onStandardError()) {
                image = Images.build(name, CacheDirectory.fromEnvironment(), progress);
            }
            System.out.println(image.name() + " " + image.digest());
        }
    }
}
