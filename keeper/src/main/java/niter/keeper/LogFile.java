package niter.keeper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import niter.linux.Descriptor;
import niter.linux.FileIo;

/** A log that a process appends to. Each opening keeps it bounded. */
final class LogFile {
    /** From this size on, the next opening begins a new file; the last one stays as ".1". */
    static final long MAX_BYTES = 1024 * 1024;

    private static final int OWNER_ONLY = 0600;

    private LogFile() {}

    static Descriptor open(Path path) throws IOException {
        if (Files.exists(path) && Files.size(path) >= MAX_BYTES) {
            Path last = path.resolveSibling(path.getFileName() + ".1");
            Files.move(path, last, StandardCopyOption.ATOMIC_MOVE);
        }
        int flags = FileIo.O_WRONLY | FileIo.O_CREAT | FileIo.O_APPEND;
        return FileIo.open(path, flags, OWNER_ONLY);
    }
}
