package niter.cli;

import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import niter.images.Images;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Removes built images. */
@Command(
        name = "rm",
        mixinStandardHelpOptions = true,
        description = "Remove built images. One that an instance needs to start stays.")
final class ImageRemoveCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "NAME", description = "Which.")
    private List<String> names = List.of();

    @Override
    public Integer call() {
        Set<String> used = UsedImages.now();
        int status = 0;
        for (String name : names) {
            if (used.contains(name)) {
                System.err.println(
                        "niter: " + name + ": an instance starts from it: terminate that first");
                status = NiterMain.FAILURE;
            } else if (Images.remove(name, CacheDirectory.fromEnvironment())) {
                System.out.println(name);
            } else {
                System.err.println("niter: " + name + ": is not built: niter image ls");
                status = NiterMain.FAILURE;
            }
        }
        return status;
    }
}
