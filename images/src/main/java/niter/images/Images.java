package niter.images;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** The images in a cache directory. */
public final class Images {
    private Images() {}

    /** Names that {@link #ensure} and {@link #build} know. */
    public static List<String> names() {
        return Recipe.names();
    }

    /**
     * The image; built at the first call and when its recipe has changed since. Looks no further:
     * with a built image it needs no network.
     *
     * @param name one of {@link #names}
     * @param cache Niter's cache directory, made where missing
     * @throws ImageException if there is no such recipe or it cannot be built
     */
    public static Image ensure(String name, Path cache, ProgressListener progress) {
        return new ImageBuilder(cache, progress).ensure(name);
    }

    /** The image, built again where a package of it has a newer version on the mirror. */
    public static Image build(String name, Path cache, ProgressListener progress) {
        return new ImageBuilder(cache, progress).build(name);
    }

    /** The images that are built, by name. */
    public static List<Image> list(Path cache) {
        return new ImageStore(cache).list();
    }

    /** Removes a built image; false where there is none. */
    public static boolean remove(String name, Path cache) {
        return new ImageStore(cache).remove(name);
    }

    /**
     * Removes built images but the kept ones, and downloaded packages.
     *
     * @return bytes given back
     */
    public static long prune(Path cache, Set<String> keptImages) {
        return new CachePrune(cache).run(keptImages);
    }

    /**
     * Reads every byte of a built image again.
     *
     * @throws ImageException if it is missing or not what was built
     */
    public static void verify(String name, Path cache) {
        new ImageStore(cache).verify(name);
    }
}
