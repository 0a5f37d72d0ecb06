package niter.images;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;

/** Gives back what the cache holds and nobody needs now. */
final class CachePrune {
    private final Path cache;

    CachePrune(Path cache) {
        this.cache = cache;
    }

    /**
     * Removes images but the kept ones, and downloaded packages; all can be made again.
     *
     * @return bytes given back
     */
    long run(Set<String> keptImages) {
        ImageStore store = new ImageStore(cache);
        long freed = 0;
        for (Image image : store.list()) {
            if (!keptImages.contains(image.name())) {
                long bytes = bytes(image);
                freed += store.remove(image.name()) ? bytes : 0;
            }
        }
        return freed + downloads();
    }

    private long downloads() {
        Path apt = cache.resolve("apt");
        if (!Files.isDirectory(apt)) {
            return 0;
        }
        long freed = 0;
        try (Workshop _ = Workshop.enter(cache, ProgressListener.NONE);
                DirectoryStream<Path> packages =
                        Files.newDirectoryStream(apt, path -> Files.isDirectory(path))) {
            for (Path release : packages) {
                Path archives = release.resolve("cache/archives");
                if (Files.isDirectory(archives)) {
                    freed += removeFiles(archives);
                }
            }
            return freed;
        } catch (IOException e) {
            throw ImageException.of("Cannot remove downloads in " + apt, e);
        }
    }

    private static long removeFiles(Path folder) throws IOException {
        long[] bytes = new long[1];
        Files.walkFileTree(
                folder,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                            throws IOException {
                        bytes[0] += attributes.size();
                        Files.delete(file);
                        return FileVisitResult.CONTINUE;
                    }
                });
        return bytes[0];
    }

    private static long bytes(Image image) {
        try {
            return Files.size(image.kernel()) + RootDisk.allocatedBytes(image.rootDisk());
        } catch (IOException e) {
            throw ImageException.of("Cannot read the image " + image.name(), e);
        }
    }
}
