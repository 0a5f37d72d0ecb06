package niter.keeper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import org.jspecify.annotations.Nullable;

/**
 * The right to be the keeper of a state directory. The kernel takes it back when its holder dies,
 * however that was.
 */
final class KeeperLock implements AutoCloseable {
    private static final int OWNER_ONLY = 0600;

    private final Path path;
    private final Descriptor file;

    private KeeperLock(Path path, Descriptor file) {
        this.path = path;
        this.file = file;
    }

    /** The lock, or null where another keeper has it. */
    static @Nullable KeeperLock take(Path path) throws IOException {
        while (true) {
            Descriptor file = FileIo.open(path, FileIo.O_RDWR | FileIo.O_CREAT, OWNER_ONLY);
            if (!FileIo.tryLock(file.number())) {
                file.close();
                return null;
            }
            if (isAt(path, file)) {
                return new KeeperLock(path, file);
            }
            file.close(); // its last holder removed it between our open and our lock
        }
    }

    private static boolean isAt(Path path, Descriptor file) throws IOException {
        try {
            return Files.isSameFile(path, Path.of("/proc/self/fd/" + file.number()));
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    /** Removes the file, then lets go. */
    @Override
    public void close() {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            System.getLogger(KeeperLock.class.getName())
                    .log(System.Logger.Level.WARNING, "{0} stays", path);
        }
        file.close();
    }
}
