package niter.card.ebs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.nvme.Namespace.Operation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A full disk is the guest's error and one event; then everything goes on. */
class DiskFullTest {
    private static final int MIB = 1 << 20;

    @TempDir Path directory;

    /** Keeps the events as words. */
    private static final class Events implements DiskFull.Listener {
        final List<String> words = new ArrayList<>();

        @Override
        public void diskFull() {
            words.add("full");
        }

        @Override
        public void diskSpaceAgain() {
            words.add("again");
        }

        @Override
        public void writesLost() {
            words.add("lost");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {Errno.ENOSPC, Errno.EDQUOT})
    void aFullDiskIsReportedOnceAndItsEndToo(int errno) throws IOException {
        Path path = directory.resolve("volume");
        Files.write(path, new byte[8 * MIB]);
        Descriptor file = FileIo.open(path, FileIo.O_RDWR, 0);
        FaultyQueue queue = new FaultyQueue(VolumeFileTest.Back.RING.over(file), 1);
        Events events = new Events();
        try (Arena arena = Arena.ofConfined();
                VolumeFile volume = VolumeFile.over(file, queue, events)) {
            MemorySegment iovec = arena.allocate(Iovecs.BYTES, Long.BYTES);
            Iovecs.set(iovec, 0, arena.allocate(4096).address(), 4096);
            assertThat(write(volume, 0, iovec)).isZero();
            queue.failWrites(errno);
            assertThat(write(volume, 4 * MIB, iovec)).isEqualTo(errno);
            assertThat(write(volume, 4 * MIB, iovec)).isEqualTo(errno);
            assertThat(events.words).containsExactly("full");
            queue.failWrites(0);
            assertThat(write(volume, 0, iovec)).isZero(); // allocated before: proves nothing
            assertThat(events.words).containsExactly("full");
            assertThat(write(volume, 4 * MIB, iovec)).isZero();
            assertThat(write(volume, 4 * MIB, iovec)).isZero();
            assertThat(events.words).containsExactly("full", "again");
        }
    }

    @Test
    void aSyncThatFailedIsReportedOnce() throws IOException {
        Path path = directory.resolve("volume");
        Files.write(path, new byte[8 * MIB]);
        Descriptor file = FileIo.open(path, FileIo.O_RDWR, 0);
        FaultyQueue queue = new FaultyQueue(VolumeFileTest.Back.RING.over(file), 1);
        Events events = new Events();
        try (VolumeFile volume = VolumeFile.over(file, queue, events)) {
            assertThat(run(volume, Operation.FLUSH, 0, MemorySegment.NULL, 0)).isZero();
            queue.failSyncs(Errno.EIO);
            assertThat(run(volume, Operation.FLUSH, 0, MemorySegment.NULL, 0)).isEqualTo(Errno.EIO);
            assertThat(run(volume, Operation.FLUSH, 0, MemorySegment.NULL, 0)).isEqualTo(Errno.EIO);
            assertThat(events.words).containsExactly("lost");
        }
    }

    private static int write(VolumeFile volume, long offset, MemorySegment iovec) {
        return run(volume, Operation.WRITE, offset, iovec, 1);
    }

    private static int run(
            VolumeFile volume, Operation operation, long offset, MemorySegment iovec, int count) {
        int[] result = {-1};
        volume.prepare(operation, 0, offset, 4096, iovec, count);
        volume.quiesce((tag, errno) -> result[0] = errno);
        return result[0];
    }

    /** On a file system that really is full, in a mount namespace of its own. */
    @ParameterizedTest
    @EnumSource(VolumeFileTest.Back.class)
    void resumesOnARealDisk(VolumeFileTest.Back back) throws Exception {
        assumeTrue(mounts(), "no user namespaces here: unshare -Urm cannot mount a tmpfs");
        List<String> java =
                ChildJvm.command(SmallDisk.class, directory.toString(), back.toString());
        List<String> command = new ArrayList<>(isolated(directory, "exec \"$@\""));
        command.addAll(java);
        List<String> lines = new ArrayList<>();
        try (ChildJvm child = new ChildJvm(command)) {
            for (String line = child.line(); !line.equals("end"); line = child.line()) {
                lines.add(line);
            }
            assertThat(child.exitStatus()).isZero();
        }
        assertThat(lines)
                .containsExactly(
                        "event disk-full",
                        "ENOSPC in range: true",
                        "overwrite true, elsewhere false",
                        "event disk-space-again",
                        "after making room true",
                        "event disk-full",
                        "event disk-space-again",
                        "after the guest gave back true",
                        "vol-0123456789abcdef1: no space left in "
                                + directory
                                + ": make room there",
                        "1 files");
    }

    private boolean mounts() throws IOException, InterruptedException {
        return new ProcessBuilder(isolated(directory, "exit 0"))
                        .redirectErrorStream(true)
                        .start()
                        .waitFor()
                == 0;
    }

    private static List<String> isolated(Path mountPoint, String then) {
        String script = "mount -t tmpfs -o size=8m tmpfs '" + mountPoint + "' && " + then;
        return List.of("unshare", "-Urm", "sh", "-c", script, "sh");
    }
}
