package niter.keeper;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.List;
import niter.controller.control.protocol.KeeperEvent;
import niter.controller.control.protocol.KeeperProcess;
import niter.controller.control.protocol.KeeperTable;
import niter.linux.Failpoint;

/**
 * The process table as the next keeper finds it, should this one be killed. It is renamed into
 * place, but not synced: a busy disk would stop the keeper for seconds while a restarted card waits
 * for its descriptors. What a power failure leaves of it bears the name of another boot, and is
 * never read.
 */
final class TableFile {
    /** The layout that this code reads and writes. */
    static final int VERSION = 1;

    /** The most events that are remembered, so that a table stays small. */
    static final int MAX_EVENTS = 64;

    private static final String NAME = "keeper.table.";

    private final Path directory;
    private final Path path;
    private final ArrayDeque<KeeperEvent> events = new ArrayDeque<>();

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
        events.clear();
        events.addAll(table.getEventList());
        return table.getProcessList();
    }

    /** Remembers an event; in the file with the next {@link #write}. */
    void note(KeeperEvent event) {
        events.addLast(event);
        if (events.size() > MAX_EVENTS) {
            events.removeFirst();
        }
    }

    /** The latest events, the oldest first. */
    List<KeeperEvent> events() {
        return List.copyOf(events);
    }

    /** Replaces it in one step. */
    void write(List<KeeperProcess> processes) throws IOException {
        KeeperTable table =
                KeeperTable.newBuilder()
                        .setVersion(VERSION)
                        .addAllProcess(processes)
                        .addAllEvent(events)
                        .build();
        Path temporary = directory.resolve(NAME + "new");
        Files.write(temporary, table.toByteArray());
        Failpoint.KEEPER_TABLE_WRITTEN.hit();
        Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
        Failpoint.KEEPER_TABLE_REPLACED.hit();
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
