package niter.card.ebs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import niter.nvme.Namespace.Operation;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A volume has one writer, between processes and after kills. */
class VolumeLockTest {
    private static final String ID = "vol-0123456789abcdef0";
    private static final long SIZE = 16 << 20;
    private static final long PATIENCE_MILLIS = 60_000;

    @TempDir Path directory;
    private Volumes volumes;
    private Path path;

    @BeforeEach
    void create() throws RefusedException {
        volumes = new Volumes(directory);
        volumes.create(ID, SIZE, "");
        path = volumes.path(ID);
    }

    @Test
    void oneWriterWithinAProcess() throws Exception {
        try (VolumeFile first = VolumeFile.open(path, 0, new Silence())) {
            assertThat(first.sizeBytes()).isEqualTo(SIZE);
            assertThatThrownBy(() -> VolumeFile.open(path, 10, new Silence()))
                    .isInstanceOf(RefusedException.class)
                    .hasMessage(ID + ": another function serves it");
            assertThatThrownBy(() -> volumes.delete(ID))
                    .isInstanceOf(RefusedException.class)
                    .hasMessage(ID + ": a function serves it: remove that first");
        }
        // The one that gave up still waits in the kernel, gets the lock now and lets go of it.
        VolumeFile.open(path, PATIENCE_MILLIS, new Silence()).close();
        while (true) {
            try {
                volumes.delete(ID);
                break;
            } catch (RefusedException e) {
                VolumeFile.open(path, PATIENCE_MILLIS, new Silence()).close();
            }
        }
        assertThat(path).doesNotExist();
    }

    @RepeatedTest(3)
    void noWriteOfAKilledProcessComesAfterOurs() throws Exception {
        try (ChildJvm writer = new ChildJvm(BusyWriter.class, path.toString())) {
            assertThat(writer.line()).isEqualTo("open");
            assertThatThrownBy(() -> VolumeFile.open(path, 0, new Silence()))
                    .isInstanceOf(RefusedException.class);
            writer.kill();
            try (Arena arena = Arena.ofConfined();
                    VolumeFile next = VolumeFile.open(path, PATIENCE_MILLIS, new Silence())) {
                MemorySegment iovec = arena.allocate(Iovecs.BYTES, Long.BYTES);
                Iovecs.set(iovec, 0, arena.allocate(SIZE).fill((byte) 2).address(), SIZE);
                next.prepare(Operation.WRITE_FUA, 0, 0, SIZE, iovec, 1);
                next.quiesce((tag, errno) -> assertThat(errno).isZero());
            }
            writer.exitStatus();
            assertThat(Files.readAllBytes(path)).containsOnly((byte) 2);
        }
    }
}
