package niter.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Errors of the kernel as exceptions: which type, and what a reader of the log gets to know. */
class LinuxExceptionTest {
    @TempDir Path directory;

    @Test
    void namesTheCallItsArgumentsAndTheError() {
        Path nothing = directory.resolve("nothing");
        assertThatThrownBy(() -> FileIo.open(nothing, FileIo.O_RDONLY, 0))
                .isExactlyInstanceOf(LinuxException.class)
                .hasMessage("open(" + nothing + ", O_RDONLY): ENOENT (No such file or directory)")
                .satisfies(
                        e -> {
                            LinuxException thrown = (LinuxException) e;
                            assertThat(thrown.errno()).isEqualTo(Errno.ENOENT);
                            assertThat(thrown.call()).isEqualTo("open(" + nothing + ", O_RDONLY)");
                        });
    }

    @ParameterizedTest
    @ValueSource(ints = {Errno.EPERM, Errno.EACCES})
    void refusalsAreDenied(int errno) {
        assertThat(LinuxException.of("call()", errno)).isExactlyInstanceOf(Denied.class);
    }

    @ParameterizedTest
    @ValueSource(
            ints = {
                Errno.ENOMEM,
                Errno.ENFILE,
                Errno.EMFILE,
                Errno.ENOSPC,
                Errno.EDQUOT,
                Errno.ENOBUFS
            })
    void whatHasRunOutIsExhausted(int errno) {
        assertThat(LinuxException.of("call()", errno)).isExactlyInstanceOf(Exhausted.class);
    }

    @Test
    void theKernelRefusesToResizeASealedFile() {
        try (Descriptor file = MemoryFile.create("sealed", 4096)) {
            assertThatThrownBy(() -> FileIo.ftruncate(file.number(), 0))
                    .isInstanceOf(Denied.class)
                    .hasMessage("ftruncate(%d, 0): EPERM (Operation not permitted)", file.number());
        }
    }

    @Test
    void theKernelHasNoAddressesForSoMuch() {
        try (Descriptor file = MemoryFile.create("small", 4096)) {
            long tooMuch = 1L << 60;
            assertThatThrownBy(() -> Mapping.map(file.number(), 0, tooMuch, false))
                    .isInstanceOf(Exhausted.class)
                    .hasMessage(
                            "mmap(%d, 0, %d): ENOMEM (Cannot allocate memory)",
                            file.number(), tooMuch);
        }
    }

    @Test
    void aNumberThatNobodyHasNamedIsShownAsItIs() {
        assertThat(LinuxException.of("call()", 4095))
                .hasMessage("call(): errno 4095 (Unknown error)");
    }

    static Stream<Arguments> flags() {
        return Stream.of(
                Arguments.of(FileIo.O_WRONLY | FileIo.O_APPEND, "O_WRONLY|O_APPEND"),
                Arguments.of(
                        FileIo.O_RDWR | FileIo.O_DSYNC | FileIo.O_DIRECT,
                        "O_RDWR|O_DSYNC|O_DIRECT"),
                Arguments.of(
                        FileIo.O_NONBLOCK | FileIo.O_DIRECTORY | FileIo.O_NOFOLLOW,
                        "O_RDONLY|O_NONBLOCK|O_DIRECTORY|O_NOFOLLOW"),
                Arguments.of(
                        FileIo.O_RDWR | FileIo.O_CREAT | FileIo.O_EXCL | FileIo.O_TRUNC,
                        "O_RDWR|O_CREAT|O_EXCL|O_TRUNC"));
    }

    @ParameterizedTest
    @MethodSource("flags")
    void flagsAreSpelledOut(int flags, String names) {
        Path inside = directory.resolve("no folder").resolve("file");
        assertThatThrownBy(() -> FileIo.open(inside, flags, 0600))
                .hasMessageStartingWith("open(" + inside + ", " + names + "): ENOENT");
    }
}
