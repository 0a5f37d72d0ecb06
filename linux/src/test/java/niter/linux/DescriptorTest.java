package niter.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ownership of descriptor numbers. */
class DescriptorTest {
    private static final int O_CLOEXEC = 02000000;
    private static final int NEVER_OPEN = 1_000_000_000;

    @TempDir Path directory;

    /** Whether exec closes it, as /proc says. */
    private static boolean isClosedOnExec(int fd) throws IOException {
        String info = Files.readString(Path.of("/proc/self/fdinfo/" + fd));
        var flags = Pattern.compile("^flags:\\s*([0-7]+)$", Pattern.MULTILINE).matcher(info);
        assertThat(flags.find()).isTrue();
        return (Integer.parseInt(flags.group(1), 8) & O_CLOEXEC) != 0;
    }

    @Test
    void aDuplicateIsTheSameOpenFile() throws IOException {
        Path path = Files.writeString(directory.resolve("file"), "abcd");
        Descriptor file = FileIo.open(path, FileIo.O_RDONLY, 0);
        try (Descriptor copy = file.duplicate();
                Arena arena = Arena.ofConfined()) {
            var memory = arena.allocate(4);
            assertThat(copy.number()).isGreaterThan(2).isNotEqualTo(file.number());
            assertThat(FileIo.read(file.number(), memory.address(), 3)).isEqualTo(3);
            file.close();
            assertThat(FileIo.read(copy.number(), memory.address(), 4)).isEqualTo(1);
            assertThat(memory.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0))
                    .isEqualTo((byte) 'd');
        }
    }

    @Test
    void whatIsMadeHereIsClosedOnExecExceptAChosenNumber() throws IOException {
        try (Descriptor event = EventFd.create();
                Descriptor copy = event.duplicate();
                Descriptor other = MemoryFile.create("other", 1)) {
            assertThat(isClosedOnExec(event.number())).isTrue();
            assertThat(isClosedOnExec(copy.number())).isTrue();
            assertThat(isClosedOnExec(other.number())).isTrue();
            int target = other.number();
            event.duplicateTo(target);
            assertThat(isClosedOnExec(target)).isFalse();
            EventFd.signal(target);
            assertThat(EventFd.drain(event.number())).isEqualTo(1);
        }
    }

    @Test
    void closingTwiceDoesNotCloseWhoeverGotTheNumber() {
        Descriptor first = EventFd.create();
        int number = first.number();
        first.close();
        try (Descriptor second = Descriptor.duplicate(openSomething(), number)) {
            assertThat(second.number()).isEqualTo(number);
            first.close();
            EventFd.signal(second.number());
            assertThat(EventFd.drain(second.number())).isEqualTo(1);
        }
    }

    private static int openSomething() {
        return SHARED.number();
    }

    private static final Descriptor SHARED = EventFd.create();

    @Test
    void aClosedOneHasNoNumber() {
        Descriptor event = EventFd.create();
        assertThat(event).hasToString("descriptor " + event.number());
        event.close();
        assertThat(event).hasToString("closed descriptor");
        assertThatThrownBy(event::number).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(event::duplicate).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void wrongNumbersAreErrors() {
        assertThatThrownBy(() -> Descriptor.adopt(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Descriptor.adopt(NEVER_OPEN).duplicate())
                .hasMessageStartingWith("fcntl(1000000000, F_DUPFD_CLOEXEC, 3): EBADF");
        assertThatThrownBy(() -> Descriptor.adopt(NEVER_OPEN).duplicateTo(2))
                .hasMessageStartingWith("dup3(1000000000, 2, 0): EBADF");
    }
}
