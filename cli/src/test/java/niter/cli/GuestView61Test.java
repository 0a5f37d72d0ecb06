package niter.cli;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** Debian 12's kernel. */
class GuestView61Test extends GuestViewTest {
    GuestView61Test(@TempDir Path home) {
        super("tools-6.1", "6.1", home);
    }
}
