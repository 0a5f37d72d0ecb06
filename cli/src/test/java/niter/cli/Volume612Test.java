package niter.cli;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** Debian 13's kernel. */
class Volume612Test extends VolumeTest {
    Volume612Test(@TempDir Path home) {
        super("tools", home);
    }
}
