package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Shared memory whose size nobody can change, and its mappings. */
class MemoryFileTest {
    private static final int PAGE = 4096;

    @ParameterizedTest
    @ValueSource(longs = {1, PAGE, PAGE + 1, 1L << 32})
    void hasItsSizeForEver(long bytes) {
        try (Descriptor file = MemoryFile.create("sized", bytes)) {
            assertThat(MemoryFile.size(file.number())).isEqualTo(bytes);
            assertThat(MemoryFile.seals(file.number()))
                    .isEqualTo(
                            MemoryFile.SEAL_SHRINK | MemoryFile.SEAL_GROW | MemoryFile.SEAL_SEAL);
            for (long other : new long[] {0, bytes - 1, bytes + 1}) {
                assertThatThrownBy(() -> FileIo.ftruncate(file.number(), other))
                        .isInstanceOf(Denied.class);
            }
            assertThat(FileIo.fallocate(file.number(), 0, bytes, PAGE)).isEqualTo(-Errno.EPERM);
            assertThat(MemoryFile.size(file.number())).isEqualTo(bytes);
        }
    }

    @Test
    void filesThatCannotBeSealedHaveNoSeals() {
        Descriptor[] pipe = FileIo.pipe();
        try (Descriptor reader = pipe[0];
                Descriptor writer = pipe[1]) {
            assertThat(MemoryFile.seals(reader.number())).isZero();
            assertThat(MemoryFile.seals(writer.number())).isZero();
        }
        assertThatThrownBy(() -> MemoryFile.seals(1_000_000_000))
                .hasMessageStartingWith("fcntl(1000000000, F_GET_SEALS): EBADF");
    }

    @Test
    void namesAndSizesThatMakeNoSenseAreRefused() {
        assertThatThrownBy(() -> MemoryFile.create("none", 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> MemoryFile.create("a\0b", 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("NUL in a\\0b");
        String longest = "x".repeat(249);
        MemoryFile.create(longest, 1).close();
        assertThatThrownBy(() -> MemoryFile.create(longest + "x", 1))
                .hasMessageStartingWith("memfd_create(" + longest + "x): EINVAL");
    }

    @Test
    void aNegativeSizeIsRefused() {
        assertThatThrownBy(() -> MemoryFile.create("niter-impossible", -1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("size -1");
    }

    @Test
    void mappingsShareTheMemory() {
        try (Descriptor file = MemoryFile.create("shared", 3 * PAGE);
                Mapping all = Mapping.map(file.number(), 0, 3 * PAGE, true);
                Mapping part = Mapping.map(file.number(), PAGE, PAGE, false)) {
            assertThat(all.bytes()).isEqualTo(3 * PAGE);
            assertThat(part.segment().mismatch(part.segment().asSlice(0))).isEqualTo(-1);
            assertThat(all.segment().toArray(JAVA_BYTE)).containsOnly(0);
            all.segment().set(JAVA_LONG, PAGE + 8, 42);
            assertThat(part.segment().get(JAVA_LONG, 8)).isEqualTo(42);
            assertThat(Memory.all().get(JAVA_LONG, part.address() + 8)).isEqualTo(42);
        }
    }

    @Test
    void aMappingOutlivesItsDescriptorAndEndsOnce() throws IOException {
        Mapping mapping;
        try (Descriptor file = MemoryFile.create("niter-outlived", PAGE)) {
            mapping = Mapping.map(file.number(), 0, PAGE, true);
        }
        mapping.segment().set(JAVA_LONG, 0, 1);
        assertThat(Files.readString(Path.of("/proc/self/maps"))).contains("niter-outlived");
        mapping.close();
        mapping.close();
        assertThat(Files.readString(Path.of("/proc/self/maps"))).doesNotContain("niter-outlived");
        assertThatThrownBy(() -> mapping.segment().get(JAVA_LONG, 0))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void accessOutsideAndWritesThatAreNotGrantedAreExceptions() {
        try (Descriptor file = MemoryFile.create("guarded", 2 * PAGE);
                Mapping mapping = Mapping.map(file.number(), 0, PAGE, false)) {
            assertThatThrownBy(() -> mapping.segment().get(JAVA_BYTE, PAGE))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(mapping.segment().isReadOnly()).isTrue();
            assertThatThrownBy(() -> mapping.segment().set(JAVA_BYTE, 0, (byte) 1))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void mappingsThatMakeNoSenseAreRefused() {
        try (Descriptor file = MemoryFile.create("mapped", PAGE);
                Descriptor readable =
                        FileIo.open(
                                Path.of("/proc/self/fd/" + file.number()), FileIo.O_RDONLY, 0)) {
            int fd = file.number();
            assertThatThrownBy(() -> Mapping.map(fd, 1, PAGE, false))
                    .hasMessageStartingWith("mmap(" + fd + ", 1, 4096): EINVAL");
            assertThatThrownBy(() -> Mapping.map(fd, 0, 0, false))
                    .hasMessageStartingWith("mmap(" + fd + ", 0, 0): EINVAL");
            assertThatThrownBy(() -> Mapping.map(readable.number(), 0, PAGE, true))
                    .isInstanceOf(Denied.class);
        }
    }
}
