package niter.keeper;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import niter.linux.Descriptor;
import niter.linux.FileIo;

/**
 * A log that a process appends to. Each opening keeps it bounded, and the keeper does while the
 * process runs.
 */
final class LogFile {
    /** From this size on, the next opening begins a new file; the last one stays as ".1". */
    static final long MAX_BYTES = 1024 * 1024;

    private static final int OWNER_ONLY = 0600;
    private static final FileAttribute<?> PRIVATE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private LogFile() {}

    static Descriptor open(Path path) throws IOException {
        if (isLarge(path)) {
            Files.move(path, last(path), StandardCopyOption.ATOMIC_MOVE);
        }
        int flags = FileIo.O_WRONLY | FileIo.O_CREAT | FileIo.O_APPEND;
        return FileIo.open(path, flags, OWNER_ONLY);
    }

    /**
     * Empties a large one that a process has open, which goes on at its beginning; its latest
     * {@link #MAX_BYTES} stay as ".1". What is printed during that is lost.
     */
    static void bound(Path path) throws IOException {
        if (!isLarge(path)) {
            return;
        }
        try (FileChannel log = FileChannel.open(path, READ, WRITE)) {
            try (FileChannel last =
                    FileChannel.open(
                            last(path), Set.of(CREATE, TRUNCATE_EXISTING, WRITE), PRIVATE)) {
                long end = log.size();
                long at = Math.max(0, end - MAX_BYTES);
                while (at < end) {
                    at += log.transferTo(at, end - at, last);
                }
            } finally {
                log.truncate(0); // also on a full disk, then first of all
            }
        }
    }

    private static boolean isLarge(Path path) throws IOException {
        return Files.exists(path) && Files.size(path) >= MAX_BYTES;
    }

    private static Path last(Path path) {
        return path.resolveSibling(path.getFileName() + ".1");
    }
}
