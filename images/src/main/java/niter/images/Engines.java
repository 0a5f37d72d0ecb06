package niter.images;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Finds or fetches the engine: QEMU 10.1.1 or newer with a vfio-user client. */
public final class Engines {
    private Engines() {}

    /**
     * The engine; fetched at the first call where the system has none that is new enough.
     *
     * @param cache Niter's cache directory, made where missing
     * @throws ImageException if there is none and none can be fetched
     */
    public static Engine ensure(Path cache, ProgressListener progress) {
        return new EngineFetch(cache, progress).ensure();
    }

    /** The engine that was made ready before; null where there is none. Fetches nothing. */
    public static @Nullable Engine ready(Path cache) {
        return new EngineFetch(cache, ProgressListener.NONE).ready();
    }
}
