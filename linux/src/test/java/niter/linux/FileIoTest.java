package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileIoTest {
    private static final int BLOCK = 4096;

    @TempDir Path directory;

    private Descriptor file(String name) {
        return FileIo.open(directory.resolve(name), FileIo.O_RDWR | FileIo.O_CREAT, 0600);
    }

    @Test
    void readsAndWritesAtOffsets() {
        try (Arena arena = Arena.ofConfined();
                Descriptor file = file("f")) {
            MemorySegment bytes = arena.allocate(BLOCK, 8).fill((byte) 9);
            int number = file.number();
            assertThat(FileIo.pwrite(number, bytes.address(), 100, 50)).isEqualTo(100);
            assertThat(FileIo.size(number)).isEqualTo(150);
            assertThat(FileIo.pread(number, bytes.address(), BLOCK, 40)).isEqualTo(110);
            assertThat(bytes.get(JAVA_BYTE, 9)).isZero();
            assertThat(bytes.get(JAVA_BYTE, 10)).isEqualTo((byte) 9);
            assertThat(FileIo.pread(number, bytes.address(), BLOCK, 150)).isZero();
            assertThat(FileIo.fdatasync(number)).isZero();
            assertThat(FileIo.pread(-1, bytes.address(), 1, 0)).isEqualTo(-Errno.EBADF);
        }
    }

    @Test
    void errorsAreTypedAndNameCallAndArguments() {
        Path path = directory.resolve("none");
        assertThatThrownBy(() -> FileIo.open(path, FileIo.O_RDONLY, 0))
                .isInstanceOf(LinuxException.class)
                .hasMessageContaining("open(" + path)
                .hasMessageContaining("ENOENT (");
        assertThat(LinuxException.of("x", Errno.EACCES)).isInstanceOf(Denied.class);
        assertThat(LinuxException.of("x", Errno.ENOSPC)).isInstanceOf(Exhausted.class);
        assertThat(LinuxException.of("call(1)", Errno.EIO))
                .hasMessageStartingWith("call(1): EIO (");
        assertThat(LinuxException.of("x", 9999).getMessage()).contains("9999");
    }

    @Test
    void aLockEndsWithItsFile() {
        try (Descriptor other = file("f")) {
            Descriptor holder = file("f");
            assertThat(FileIo.tryLock(holder.number())).isTrue();
            assertThat(FileIo.tryLock(other.number())).isFalse();
            Descriptor duplicate = holder.duplicate();
            holder.close();
            assertThat(FileIo.tryLock(other.number())).isFalse(); // the duplicate holds it
            duplicate.close();
            assertThat(FileIo.tryLock(other.number())).isTrue();
        }
    }

    @Test
    void aClosedDescriptorCannotBeUsed() {
        Descriptor file = file("f");
        file.close();
        file.close();
        assertThatThrownBy(file::number).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void holesArePunched() {
        try (Arena arena = Arena.ofConfined();
                Descriptor file = file("f")) {
            MemorySegment bytes = arena.allocate(16 * BLOCK, 8).fill((byte) 9);
            int number = file.number();
            FileIo.pwrite(number, bytes.address(), 16 * BLOCK, 0);
            FileIo.fdatasync(number);
            long before = FileIo.allocatedBytes(number);
            int mode = FileIo.FALLOC_FL_PUNCH_HOLE | FileIo.FALLOC_FL_KEEP_SIZE;
            assertThat(FileIo.fallocate(number, mode, 4 * BLOCK, 8 * BLOCK)).isZero();
            assertThat(FileIo.allocatedBytes(number)).isEqualTo(before - 8 * BLOCK);
            assertThat(FileIo.size(number)).isEqualTo(16 * BLOCK);
            assertThat(FileIo.nextHole(number, 0)).isEqualTo(4 * BLOCK);
            assertThat(FileIo.nextData(number, 4 * BLOCK)).isEqualTo(12 * BLOCK);
        }
    }

    @RepeatedTest(20)
    void sparseCopiesAreEqualAndSparse(RepetitionInfo repetition) throws IOException {
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        Path source = directory.resolve("source");
        int blocks = 1 + random.nextInt(3000);
        try (RandomAccessFile output = new RandomAccessFile(source.toFile(), "rw")) {
            output.setLength((long) blocks * BLOCK - random.nextInt(BLOCK));
            for (int n = random.nextInt(20); n > 0; n--) {
                output.seek(random.nextLong(output.length()));
                byte[] data =
                        new byte
                                [(int)
                                        Math.min(
                                                output.length() - output.getFilePointer(),
                                                1 + random.nextInt(200_000))];
                random.nextBytes(data);
                output.write(data);
            }
        }
        try (Descriptor from = FileIo.open(source, FileIo.O_RDONLY, 0);
                Descriptor to = file("target")) {
            FileIo.copySparse(from.number(), to.number());
            FileIo.ftruncate(to.number(), FileIo.size(from.number()));
            assertThat(Files.mismatch(source, directory.resolve("target"))).isEqualTo(-1);
            assertThat(FileIo.allocatedBytes(to.number()))
                    .isLessThanOrEqualTo(FileIo.allocatedBytes(from.number()) + 64 * BLOCK);
        }
    }
}
