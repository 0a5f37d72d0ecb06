package niter.controller;

import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import niter.controller.control.StateDirectory;
import niter.controller.record.VolumeRecord;
import niter.controller.record.VolumeRecords.Builder;
import org.jspecify.annotations.Nullable;

/**
 * STATE/volume-records: the volumes that are no instance's root. Each change is durable before
 * anybody sees it. Whoever checks before a change holds this object's monitor; reading needs none.
 */
final class VolumeRecords {
    private static final int VERSION = 1;

    private final Path file;
    private volatile List<VolumeRecord> all; // replaced with the monitor held

    /**
     * Reads them.
     *
     * @throws IOException with one line that names the file, if it cannot be read
     */
    VolumeRecords(StateDirectory state) throws IOException {
        file = state.root().resolve("volume-records");
        all = Files.exists(file) ? read() : List.of();
    }

    private List<VolumeRecord> read() throws IOException {
        try {
            var found = niter.controller.record.VolumeRecords.parseFrom(Files.readAllBytes(file));
            if (found.getVersion() != VERSION) {
                throw new IOException(
                        "%s: version %d, this niter knows %d: update niter"
                                .formatted(file, found.getVersion(), VERSION));
            }
            return List.copyOf(found.getVolumeList());
        } catch (InvalidProtocolBufferException e) {
            throw new IOException(
                    file + ": is damaged (" + e.getMessage() + "): restore or delete it", e);
        }
    }

    private synchronized void replace(List<VolumeRecord> next) throws IOException {
        Builder records = niter.controller.record.VolumeRecords.newBuilder().setVersion(VERSION);
        DurableFile.write(file, records.addAllVolume(next).build().toByteArray());
        all = List.copyOf(next);
        notifyAll();
    }

    /** All of them, in the order of their making. */
    List<VolumeRecord> all() {
        return all;
    }

    /** Those that are an instance's, or are to be, or are to be no longer. */
    List<VolumeRecord> of(String instanceId) {
        return all.stream().filter(one -> one.getInstanceId().equals(instanceId)).toList();
    }

    /** One by its id; null where there is none. */
    @Nullable VolumeRecord byId(String id) {
        for (VolumeRecord one : all) {
            if (one.getVolumeId().equals(id)) {
                return one;
            }
        }
        return null;
    }

    synchronized void add(VolumeRecord record) throws IOException {
        List<VolumeRecord> next = new ArrayList<>(all);
        next.add(record);
        replace(next);
    }

    /** Changes one that is there; the new state of it. */
    synchronized VolumeRecord update(String id, UnaryOperator<VolumeRecord.Builder> change)
            throws IOException {
        List<VolumeRecord> next = new ArrayList<>(all);
        for (int i = 0; i < next.size(); i++) {
            if (next.get(i).getVolumeId().equals(id)) {
                next.set(i, change.apply(next.get(i).toBuilder()).build());
                replace(next);
                return next.get(i);
            }
        }
        throw new IOException(id + ": is gone");
    }

    synchronized void remove(String id) throws IOException {
        replace(all.stream().filter(one -> !one.getVolumeId().equals(id)).toList());
    }

    /**
     * Waits until a volume is as wanted, or gone, or the time is over.
     *
     * @return as it is then; null where it is gone
     */
    synchronized @Nullable VolumeRecord await(
            String id, Predicate<VolumeRecord> wanted, long millis) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        while (true) {
            @Nullable VolumeRecord record = byId(id);
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (record == null || wanted.test(record) || left <= 0) {
                return record;
            }
            wait(left);
        }
    }
}
