package niter.images;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The right to change a cache directory, held by one thread of one process at a time, and a folder
 * to build in. A lock that dies with its holder: whoever is next sweeps up.
 */
final class Workshop implements AutoCloseable {
    private static final String PREFIX = ".building-";
    private static final ReentrantLock HERE = new ReentrantLock();

    private final Path cache;
    private final FileChannel file;
    private final Path bench;
    private final Thread sweep;

    private Workshop(Path cache, FileChannel file) throws IOException {
        this.cache = cache;
        this.file = file;
        sweepUp();
        this.bench = Files.createTempDirectory(cache, PREFIX);
        this.sweep = new Thread(this::removeBench, "sweep");
        Runtime.getRuntime().addShutdownHook(sweep);
    }

    /** Waits for the right to change the cache, which is made where missing. */
    static Workshop enter(Path cache, ProgressListener progress) {
        HERE.lock();
        boolean entered = false;
        try {
            Files.createDirectories(
                    cache,
                    PosixFilePermissions.asFileAttribute(
                            PosixFilePermissions.fromString("rwx------")));
            FileChannel file =
                    FileChannel.open(
                            cache.resolve("lock"),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE);
            FileLock lock = file.tryLock();
            if (lock == null) {
                progress.progress("Waiting for another niter to build", 0, 0);
                lock = file.lock();
            }
            Workshop workshop = new Workshop(cache, file);
            entered = true;
            return workshop;
        } catch (IOException e) {
            throw ImageException.of("Cannot write in the cache " + cache, e);
        } finally {
            if (!entered) {
                HERE.unlock();
            }
        }
    }

    /** An empty folder on the cache's file system. */
    Path bench() {
        return bench;
    }

    /** Puts a finished folder of the bench at its place, where an older one may lie. */
    void publish(Path finished, Path place) throws IOException {
        Files.createDirectories(place.toAbsolutePath().getParent());
        if (Files.exists(place)) {
            Files.move(place, bench.resolve("replaced"), StandardCopyOption.ATOMIC_MOVE);
        }
        Files.move(finished, place, StandardCopyOption.ATOMIC_MOVE);
        Disk.removeTree(bench.resolve("replaced"));
    }

    @Override
    public void close() {
        removeBench();
        try {
            Runtime.getRuntime().removeShutdownHook(sweep);
        } catch (IllegalStateException e) {
            // Shutting down: the hook sweeps.
        }
        try {
            file.close();
        } catch (IOException e) {
            throw ImageException.of("Cannot unlock the cache " + cache, e);
        } finally {
            HERE.unlock();
        }
    }

    private void removeBench() {
        try {
            Disk.removeTree(bench);
        } catch (IOException e) {
            // Whoever enters next sweeps up.
        }
    }

    private void sweepUp() throws IOException {
        try (DirectoryStream<Path> left = Files.newDirectoryStream(cache, PREFIX + "*")) {
            for (Path folder : left) {
                Disk.removeTree(folder);
            }
        }
    }
}
