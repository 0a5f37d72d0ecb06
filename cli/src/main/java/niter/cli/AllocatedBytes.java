package niter.cli;

import java.nio.file.Path;
import niter.linux.Descriptor;
import niter.linux.FileIo;

/** What a sparse file really takes. */
final class AllocatedBytes {
    private AllocatedBytes() {}

    static long of(Path file) {
        try (Descriptor opened = FileIo.open(file, FileIo.O_RDONLY, 0)) {
            return FileIo.allocatedBytes(opened.number());
        }
    }
}
