package niter.images;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class OldKernelTest extends BootedImage {
    OldKernelTest(@TempDir Path folder) throws IOException {
        super("micro-6.1", "6.1.", folder);
    }
}
