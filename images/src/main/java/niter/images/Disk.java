package niter.images;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/** Files and folders on the host's disk. */
final class Disk {
    private Disk() {}

    /** Waits until a file's bytes are on the disk. */
    static void sync(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    /** Removes a folder and all that is in it; links are removed, not followed. */
    static void removeTree(Path folder) throws IOException {
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(
                folder,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                            throws IOException {
                        Files.deleteIfExists(file);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult preVisitDirectory(
                            Path directory, BasicFileAttributes attributes) throws IOException {
                        if (!Files.isWritable(directory)) { // packages bring read-only folders
                            directory.toFile().setWritable(true, true);
                        }
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(
                            Path directory, @Nullable IOException e) throws IOException {
                        Files.deleteIfExists(directory);
                        return FileVisitResult.CONTINUE;
                    }
                });
    }

    /**
     * Refuses to start what will not fit.
     *
     * @throws ImageException if less than that is free where the folder lies
     */
    static void needFree(Path folder, long bytes, String what) {
        long free = folder.toFile().getUsableSpace(); // a FileStore wants a mount, no chroot has it
        if (free < bytes) {
            throw new ImageException(
                    "No space for %s: %d MiB free in %s, %d needed; free some, or set XDG_CACHE_HOME"
                            .formatted(what, free >> 20, folder, bytes >> 20));
        }
    }
}
