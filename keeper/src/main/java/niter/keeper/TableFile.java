package niter.keeper;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import niter.controller.control.protocol.KeeperProcess;
import niter.controller.control.protocol.KeeperTable;

/** The process table as the next keeper finds it, should this one be killed. */
final class TableFile {
    /** The layout that this code reads and writes. */
    static final int VERSION = 1;

    private final Path path;
    private final String bootId;

    TableFile(Path path, String bootId) {
        this.path = path;
        this.bootId = bootId;
    }

    /**
     * What the last keeper wrote since this boot of the host.
     *
     * @throws IOException with one line that names the file and the mend
     */
    List<KeeperProcess> read() throws IOException {
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
        if (!table.getBootId().equals(bootId)) {
            return List.of();
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
                KeeperTable.newBuilder()
                        .setVersion(VERSION)
                        .setBootId(bootId)
                        .addAllProcess(processes)
                        .build();
        Path temporary = path.resolveSibling(path.getFileName() + ".new");
        try (FileChannel file =
                FileChannel.open(
                        temporary,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            ByteBuffer rest = ByteBuffer.wrap(table.toByteArray());
            while (rest.hasRemaining()) {
                file.write(rest);
            }
            file.force(false);
        }
        Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
    }

    void remove() throws IOException {
        Files.deleteIfExists(path);
    }
}
