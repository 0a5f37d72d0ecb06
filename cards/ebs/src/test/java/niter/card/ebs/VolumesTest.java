package niter.card.ebs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.stream.Stream;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Volumes are made whole or not at all, and bad requests say what was expected. */
class VolumesTest {
    private static final String ID = "vol-0123456789abcdef0";
    private static final long MIB = 1 << 20;

    @TempDir Path temporary;
    private Path directory;
    private Volumes volumes;

    @BeforeEach
    void start() throws IOException {
        directory = Files.createDirectory(temporary.resolve("volumes"));
        volumes = new Volumes(directory);
    }

    @Test
    void anEmptyVolumeTakesNoSpace() throws Exception {
        volumes.create(ID, 8 * 1024 * MIB, "");
        Path path = directory.resolve(ID);
        assertThat(path).isRegularFile().hasSize(8 * 1024 * MIB);
        assertThat(allocated(path)).isZero();
        assertThat(Files.getPosixFilePermissions(path))
                .isEqualTo(PosixFilePermissions.fromString("rw-------"));
        assertThat(names()).containsExactly(ID);
    }

    @Test
    void aCopyHasTheBytesAndTheHolesAndIsExtended() throws Exception {
        Path source = source(16 * MIB, 5 * MIB, 64 << 10);
        volumes.create(ID, 32 * MIB, source.toString());
        byte[] expected = Arrays.copyOf(Files.readAllBytes(source), (int) (32 * MIB));
        assertThat(Files.readAllBytes(directory.resolve(ID))).isEqualTo(expected);
        assertThat(allocated(directory.resolve(ID))).isBetween(64L << 10, MIB);
        assertThat(names()).containsExactly(ID);
    }

    @Test
    void creatingAgainIsDoneAlready() throws Exception {
        Path source = source(MIB, 0, 4096);
        volumes.create(ID, MIB, source.toString());
        Files.write(directory.resolve(ID), new byte[] {42}, StandardOpenOption.WRITE);
        volumes.create(ID, MIB, source.toString());
        assertThat(Files.readAllBytes(directory.resolve(ID))[0]).isEqualTo((byte) 42);
        refused(() -> volumes.create(ID, 2 * MIB, ""))
                .hasMessage(ID + ": exists with 1048576 bytes, expected 2097152");
    }

    @Test
    void whatAnEarlierProcessLeftIsNoVolume() throws Exception {
        Files.write(directory.resolve(ID + ".new"), new byte[100]);
        Files.write(directory.resolve("vol-0123456789abcdef1.new"), new byte[100]);
        volumes.create(ID, 4096, "");
        assertThat(Files.readAllBytes(directory.resolve(ID))).isEqualTo(new byte[4096]);
        volumes.removeUnfinished();
        assertThat(names()).containsExactly(ID);
    }

    @Test
    void deletingTwiceIsDoneAlready() throws Exception {
        volumes.create(ID, 4096, "");
        volumes.delete(ID);
        volumes.delete(ID);
        assertThat(names()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "vol-", "../x", "vol-0123456789abcdef0/", "vol-XYZ", "vol-\n01234567"})
    void anIdNamesNoOtherFile(String id) throws Exception {
        String message = "volume_id: expected vol- and 17 hexadecimal digits, got \"" + id + "\"";
        refused(() -> volumes.create(id, 4096, "")).hasMessage(message);
        refused(() -> volumes.delete(id)).hasMessage(message);
        assertThat(names()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -4096, 512, 4097, Long.MIN_VALUE})
    void aSizeIsAMultipleOf4096(long size) throws Exception {
        refused(() -> volumes.create(ID, size, ""))
                .hasMessage("size_bytes: expected a multiple of 4096 above 0, got " + size);
        assertThat(names()).isEmpty();
    }

    @Test
    void aSizeThatNoFileCanHaveIsRefused() throws Exception {
        refused(() -> volumes.create(ID, Long.MAX_VALUE - 4095, ""))
                .hasMessage(
                        "%s: %s cannot hold a file of 9223372036854771712 bytes"
                                .formatted(ID, directory));
        assertThat(names()).isEmpty();
    }

    @Test
    void aSourceIsAFileThatFits() throws Exception {
        refused(() -> volumes.create(ID, MIB, "disk.img"))
                .hasMessage("source: expected an absolute path, got disk.img");
        refused(() -> volumes.create(ID, MIB, directory.toString()))
                .hasMessage("source: expected a file, got " + directory);
        refused(() -> volumes.create(ID, MIB, "/nowhere/\0"))
                .hasMessageStartingWith("source: expected an absolute path");
        Path source = source(2 * MIB, 0, 4096);
        refused(() -> volumes.create(ID, MIB, source.toString()))
                .hasMessage(
                        "size_bytes: expected at least the 2097152 of " + source + ", got 1048576");
        assertThat(names()).isEmpty();
    }

    private static AbstractThrowableAssert<?, ? extends Throwable> refused(ThrowingCallable call) {
        return assertThatThrownBy(call).isInstanceOf(RefusedException.class);
    }

    /** A file with data in one place. */
    private Path source(long size, long dataOffset, int dataBytes) throws IOException {
        Path source = temporary.resolve("source");
        try (var channel =
                FileChannel.open(
                        source,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.SPARSE)) {
            byte[] data = new byte[dataBytes];
            Arrays.fill(data, (byte) 7);
            channel.write(ByteBuffer.wrap(data), dataOffset);
            channel.write(ByteBuffer.wrap(new byte[1]), size - 1);
        }
        return source;
    }

    private static long allocated(Path path) {
        try (Descriptor file = FileIo.open(path, FileIo.O_RDONLY, 0)) {
            return FileIo.allocatedBytes(file.number());
        }
    }

    private String[] names() throws IOException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.map(path -> path.getFileName().toString()).toArray(String[]::new);
        }
    }
}
