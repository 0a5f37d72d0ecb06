package niter.keeper;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import niter.controller.control.protocol.KeeperProcess;
import niter.controller.control.protocol.KeeperTable;

/**
 * The process table as the next keeper finds it, should this one be killed. It is renamed into
 * place, but not synced: a busy disk would stop the keeper for seconds while a restarted card waits
 * for its descriptors. What a power failure leaves of it bears the name of another boot, and is
 * never read.
 */
final class TableFile {
    /** The layout that this code reads and writes. */
    static final int VERSION = 1;

    private static final String NAME = "keeper.table.";

    private final Path directory;
    private final Path path;

    TableFile(Path directory, String bootId) {
        this.directory = directory;
        path = directory.resolve(NAME + bootId);
    }

    /**
     * What the last keeper wrote since this boot of the host; removes those of other boots.
     *
     * @throws IOException with one line that names the file and the mend
     */
    List<KeeperProcess> read() throws IOException {
        removeAll(path);
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(path);
        } catch (NoSuchFileException e) {
            return List.of();
        }
        KeeperTable table;
        try {
            table = KeeperTable.parseFrom(bytes);
        } catch (IOException e) {
            throw new IOException(
                    path + ": damaged: end the processes it may name, then remove it", e);
        }
        if (table.getVersion() != VERSION) {
            throw new IOException(
                    "%s: version %d, expected %d: run the niter that wrote it, or its \"niter down\""
                            .formatted(path, table.getVersion(), VERSION));
        }
        return table.getProcessList();
    }

    /** Replaces it in one step. */
    void write(List<KeeperProcess> processes) throws IOException {
        KeeperTable table =
                KeeperTable.newBuilder().setVersion(VERSION).addAllProcess(processes).build();
        Path temporary = directory.resolve(NAME + "new");
        Files.write(temporary, table.toByteArray());
        Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
    }

    void remove() throws IOException {
        removeAll(directory);
    }

    private void removeAll(Path except) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, NAME + "*")) {
            for (Path file : files) {
                if (!file.equals(except)) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }
}
