package niter.card.ebs;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.regex.Pattern;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.linux.LinuxException;

/**
 * The volumes of a host: one sparse file each, named by its id. A volume is there as a whole or not
 * at all: it is made under another name, synced and renamed.
 */
final class Volumes {
    /** Sizes are multiples of this, so that every block size in use divides them. */
    static final long GRANULARITY_BYTES = 4096;

    private static final Pattern ID = Pattern.compile("vol-([0-9a-f]{8}|[0-9a-f]{17})");
    private static final String UNFINISHED = ".new";
    private static final int OWNER_ONLY = 0600;

    private final Path directory;

    Volumes(Path directory) {
        this.directory = directory;
    }

    /**
     * Where a volume is, whether it exists or not.
     *
     * @throws RefusedException if that is no id: it never names a file elsewhere
     */
    Path path(String id) throws RefusedException {
        if (!ID.matcher(id).matches()) {
            throw new RefusedException(
                    "volume_id: expected vol- and 17 hexadecimal digits, got \"" + id + "\"");
        }
        return directory.resolve(id);
    }

    /**
     * Makes a volume. Where it exists with this size there is nothing to do.
     *
     * @param source absolute path of a disk to copy, or empty for zeroes only
     * @throws RefusedException if a value is wrong, or the disk has no space
     */
    void create(String id, long sizeBytes, String source) throws RefusedException {
        Path path = path(id);
        if (sizeBytes <= 0 || sizeBytes % GRANULARITY_BYTES != 0) {
            throw new RefusedException(
                    "size_bytes: expected a multiple of 4096 above 0, got " + sizeBytes);
        }
        if (Files.exists(path)) {
            expectSize(id, path, sizeBytes);
            return;
        }
        Path unfinished = directory.resolve(id + UNFINISHED);
        try {
            write(unfinished, sizeBytes, source);
            Files.move(unfinished, path, StandardCopyOption.ATOMIC_MOVE);
            syncDirectory();
        } catch (LinuxException e) {
            throw failure(id, sizeBytes, e);
        } catch (IOException e) {
            throw new RefusedException(id + ": cannot be created: " + e.getMessage());
        } finally {
            discard(unfinished);
        }
    }

    private static void expectSize(String id, Path path, long sizeBytes) throws RefusedException {
        long size;
        try (Descriptor file = FileIo.open(path, FileIo.O_RDONLY, 0)) {
            size = FileIo.size(file.number());
        }
        if (size != sizeBytes) {
            throw new RefusedException(
                    id + ": exists with " + size + " bytes, expected " + sizeBytes);
        }
    }

    private static void write(Path path, long sizeBytes, String source) throws RefusedException {
        int flags = FileIo.O_RDWR | FileIo.O_CREAT | FileIo.O_TRUNC | FileIo.O_NOFOLLOW;
        try (Descriptor file = FileIo.open(path, flags, OWNER_ONLY)) {
            if (!source.isEmpty()) {
                copy(source, file, sizeBytes);
            }
            FileIo.ftruncate(file.number(), sizeBytes);
            sync(file, path);
        }
    }

    private static void copy(String source, Descriptor target, long sizeBytes)
            throws RefusedException {
        if (!source.startsWith("/") || source.indexOf('\0') >= 0) {
            throw new RefusedException("source: expected an absolute path, got " + source);
        }
        Path path = Path.of(source);
        if (!Files.isRegularFile(path)) {
            throw new RefusedException("source: expected a file, got " + source);
        }
        try (Descriptor file = FileIo.open(path, FileIo.O_RDONLY, 0)) {
            long bytes = FileIo.size(file.number());
            if (bytes > sizeBytes) {
                throw new RefusedException(
                        "size_bytes: expected at least the %d of %s, got %d"
                                .formatted(bytes, source, sizeBytes));
            }
            FileIo.copySparse(file.number(), target.number());
        }
    }

    private static void sync(Descriptor file, Path path) {
        int result = FileIo.fdatasync(file.number());
        if (result < 0) {
            throw LinuxException.of("fdatasync(" + path + ")", -result);
        }
    }

    private void syncDirectory() {
        int flags = FileIo.O_RDONLY | FileIo.O_DIRECTORY;
        try (Descriptor opened = FileIo.open(directory, flags, 0)) {
            sync(opened, directory);
        }
    }

    private RefusedException failure(String id, long sizeBytes, LinuxException cause) {
        String message = "cannot be created: " + cause.getMessage();
        return new RefusedException(
                id
                        + ": "
                        + switch (cause.errno()) {
                            case Errno.ENOSPC, Errno.EDQUOT ->
                                    "no space left in " + directory + ": make room there";
                            case Errno.EFBIG ->
                                    directory + " cannot hold a file of " + sizeBytes + " bytes";
                            default -> message;
                        });
    }

    private static void discard(Path unfinished) {
        try {
            Files.deleteIfExists(unfinished); // renamed already, where all went well
        } catch (IOException e) {
            System.getLogger(Volumes.class.getName())
                    .log(System.Logger.Level.WARNING, "{0} stays: {1}", unfinished, e.toString());
        }
    }

    /**
     * Deletes a volume. Where it does not exist there is nothing to do.
     *
     * @throws RefusedException if a function serves it
     */
    void delete(String id) throws RefusedException {
        Path path = path(id);
        if (!Files.exists(path)) {
            return;
        }
        try (Descriptor file = FileIo.open(path, FileIo.O_RDWR | FileIo.O_NOFOLLOW, 0)) {
            if (!FileIo.tryLock(file.number())) {
                throw new RefusedException(id + ": a function serves it: remove that first");
            }
            Files.deleteIfExists(path);
            syncDirectory();
        } catch (IOException e) {
            throw new RefusedException(id + ": cannot be deleted: " + e.getMessage());
        }
    }

    /** Removes what an earlier process did not finish. Nothing may be created meanwhile. */
    void removeUnfinished() throws IOException {
        try (DirectoryStream<Path> left =
                Files.newDirectoryStream(directory, "vol-*" + UNFINISHED)) {
            for (Path path : left) {
                Files.deleteIfExists(path);
            }
        }
    }
}
