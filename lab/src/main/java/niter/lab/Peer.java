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
        Instance model = new Instance(niter, options);
        List<String> arguments = model.arguments();
        folder = Files.createDirectories(work.resolve("peer"));
        command = PlainQemu.like(arguments, folder, "");
        fresh = root(arguments);
        model.terminate();
    }

    /**
     * As a running instance is, with a network adapter of QEMU's.
     *
     * @param folder which does not exist yet
     * @param netdev what it is joined to, as QEMU's option has it
     */
    Peer(Instance model, Path folder, String netdev) throws IOException, InterruptedException {
        List<String> arguments = model.arguments();
        this.folder = Files.createDirectory(folder);
        command = PlainQemu.like(arguments, folder, netdev);
        fresh = root(arguments);
    }

    private static Path root(List<String> arguments) {
        Path kernel = Path.of(arguments.get(arguments.indexOf("-kernel") + 1));
        return kernel.resolveSibling("root.img");
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
