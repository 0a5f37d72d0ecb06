package niter.cli;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;

/** Debian 12's kernel. */
@Tag("long")
class Volume61Test extends VolumeTest {
    Volume61Test(@TempDir Path home) {
        super("tools-6.1", home);
    }
}
