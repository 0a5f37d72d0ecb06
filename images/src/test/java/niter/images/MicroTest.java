package niter.images;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class MicroTest extends BootedImage {
    MicroTest(@TempDir Path folder) throws IOException {
        super("micro", "6.12.", folder);
    }
}
