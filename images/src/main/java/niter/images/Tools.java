package niter.images;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Foreign programs that building and testing need, from Debian, without installing them. */
public final class Tools {
    private Tools() {}

    /**
     * Packages with all that they need, unpacked in the cache; fetched at the first call.
     *
     * @param cache Niter's cache directory, made where missing
     * @param packages Debian's names; the first names the folder
     * @throws ImageException if they cannot be fetched
     */
    public static Tool ensure(Path cache, ProgressListener progress, String... packages) {
        Path place = place(cache, packages[0]);
        if (Files.isDirectory(place)) {
            return new Tool(place);
        }
        try (Workshop workshop = Workshop.enter(cache, progress)) {
            return ensure(workshop, cache, progress, packages);
        }
    }

    private static Path place(Path cache, String name) {
        return cache.toAbsolutePath().resolve("tools").resolve(name);
    }

    static Tool ensure(
            Workshop workshop, Path cache, ProgressListener progress, String... packages) {
        Path place = place(cache, packages[0]);
        if (Files.isDirectory(place)) { // another niter may have fetched it meanwhile
            return new Tool(place);
        }
        PrivateApt apt = new PrivateApt(cache.toAbsolutePath(), Archive.Release.TRIXIE, progress);
        apt.update();
        Map<String, Path> files =
                apt.download("Fetching " + packages[0], apt.plan(List.of(packages), null));
        try {
            Path root = Files.createDirectories(workshop.bench().resolve("tool"));
            for (Path file : files.values()) {
                Packages.unpack(file, root);
            }
            workshop.publish(root, place);
            return new Tool(place);
        } catch (IOException e) {
            throw ImageException.of("Cannot write " + place, e);
        }
    }
}
