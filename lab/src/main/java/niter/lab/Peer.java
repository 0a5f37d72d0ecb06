package niter.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A machine like an instance's that can be started again and again, with a fresh disk each time.
 */
final class Peer {
    private final Path folder;
    private final Path fresh;
    private final List<String> command;

    /**
     * As an instance of an image is.
     *
     * @param options of {@code niter run}: image and type
     */
    Peer(Niter niter, Path work, String... options) throws IOException, InterruptedException {
        folder = Files.createDirectories(work.resolve("peer"));
        Instance model = new Instance(niter, options);
        List<String> arguments = model.arguments();
        command = PlainQemu.like(arguments, folder);
        Path kernel = Path.of(arguments.get(arguments.indexOf("-kernel") + 1));
        fresh = kernel.resolveSibling("root.img");
        model.terminate();
    }

    /** Puts a fresh disk in place, so that it does not count as starting. */
    void prepare() throws IOException, InterruptedException {
        Path disk = folder.resolve("disk");
        Files.deleteIfExists(disk);
        Process copy =
                new ProcessBuilder("cp", "--sparse=always", fresh + "", disk + "")
                        .inheritIO()
                        .start();
        if (!copy.waitFor(60, TimeUnit.SECONDS) || copy.exitValue() != 0) {
            throw new IOException("cp " + fresh + " failed");
        }
    }

    PlainQemu boot() throws IOException {
        return new PlainQemu(command, folder);
    }
}
