package niter.cli;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** Debian 13's kernel. */
class GuestView612Test extends GuestViewTest {
    GuestView612Test(@TempDir Path home) {
        super("tools", "6.12", home);
    }
}
