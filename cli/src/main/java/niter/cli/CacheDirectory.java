package niter.cli;

import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where engine, images and packages lie: all of it can be fetched and built again. */
final class CacheDirectory {
    private CacheDirectory() {}

    /** The user's: {@code $XDG_CACHE_HOME/niter}, by default {@code ~/.cache/niter}. */
    static Path fromEnvironment() {
        return from(System.getenv(), Path.of(System.getProperty("user.home")));
    }

    static Path from(Map<String, String> environment, Path home) {
        @Nullable String configured = environment.get("XDG_CACHE_HOME");
        boolean usable = configured != null && configured.startsWith("/"); // as XDG asks for
        Path base = usable ? Path.of(configured) : home.resolve(".cache");
        return base.resolve("niter");
    }
}
