package niter.controller;

import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import niter.controller.control.StateDirectory;
import niter.controller.record.InstanceRecord;
import niter.controller.record.Terminated;
import niter.linux.Failpoint;

/** The records on disk: one directory per instance, and a list of those that are gone. */
final class RecordStore {
    static final int VERSION = 1;

    /** How many that are gone are remembered. */
    static final int MAX_TERMINATED = 64;

    private static final String RECORD = "record";

    private final StateDirectory state;
    private final List<InstanceRecord> terminated = new ArrayList<>(); // guarded by this

    RecordStore(StateDirectory state) {
        this.state = state;
    }

    /**
     * All records. What an earlier process did not finish to make or to remove is removed.
     *
     * @throws IOException with one line that names the file, if one cannot be read
     */
    synchronized List<InstanceRecord> load() throws IOException {
        List<InstanceRecord> records = new ArrayList<>();
        try (DirectoryStream<Path> directories = Files.newDirectoryStream(state.instances())) {
            for (Path directory : directories) {
                Path file = directory.resolve(RECORD);
                if (Files.exists(file)) {
                    records.add(read(file));
                } else {
                    removeDirectory(directory);
                }
            }
        }
        terminated.clear();
        terminated.addAll(readTerminated());
        return records;
    }

    private static InstanceRecord read(Path file) throws IOException {
        try {
            InstanceRecord record = InstanceRecord.parseFrom(Files.readAllBytes(file));
            if (record.getVersion() != VERSION) {
                throw new IOException(
                        "%s: version %d, this niter knows %d: update niter"
                                .formatted(file, record.getVersion(), VERSION));
            }
            return record;
        } catch (InvalidProtocolBufferException e) {
            throw new IOException(
                    file + ": is damaged (" + e.getMessage() + "): restore or delete it", e);
        }
    }

    private List<InstanceRecord> readTerminated() throws IOException {
        try {
            return Terminated.parseFrom(Files.readAllBytes(terminatedFile())).getInstanceList();
        } catch (NoSuchFileException | InvalidProtocolBufferException e) {
            return List.of(); // only a courtesy to those who ask twice
        }
    }

    /** Writes a record; when this returns it is durable. */
    void write(InstanceRecord record) throws IOException {
        Path directory = state.instance(record.getInstanceId());
        if (!Files.isDirectory(directory)) {
            Files.createDirectory(directory);
            DurableFile.syncDirectoryOf(directory);
        }
        DurableFile.write(directory.resolve(RECORD), record.toByteArray());
        Failpoint.CONTROLLER_RECORD_WRITTEN.hit();
    }

    /** Removes an instance's directory and remembers that it was there. */
    synchronized void remove(InstanceRecord record) throws IOException {
        terminated.removeIf(one -> one.getInstanceId().equals(record.getInstanceId()));
        terminated.add(record.toBuilder().clearUserData().clearPublicKey().build());
        while (terminated.size() > MAX_TERMINATED) {
            terminated.removeFirst();
        }
        Terminated all =
                Terminated.newBuilder().setVersion(VERSION).addAllInstance(terminated).build();
        DurableFile.write(terminatedFile(), all.toByteArray());
        Path directory = state.instance(record.getInstanceId());
        Files.deleteIfExists(directory.resolve(RECORD)); // first: the rest is then a left-over
        removeDirectory(directory);
    }

    /** Those that are gone, the latest last. */
    synchronized List<InstanceRecord> terminated() {
        return List.copyOf(terminated);
    }

    private Path terminatedFile() {
        return state.run().resolve("terminated");
    }

    private static void removeDirectory(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return;
        }
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.deleteIfExists(file);
            }
        }
        Files.delete(directory);
        DurableFile.syncDirectoryOf(directory);
    }
}
