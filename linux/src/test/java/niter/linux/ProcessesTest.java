package niter.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProcessesTest {
    private final long[] tokens = new long[Epoll.MAX_EVENTS];

    private static int sh(String script, int... numbers) {
        int[] all = new int[3 + numbers.length];
        all[0] = Processes.DEV_NULL;
        all[1] = Processes.DEV_NULL;
        all[2] = Processes.DEV_NULL;
        System.arraycopy(numbers, 0, all, 3, numbers.length);
        return Processes.spawn(
                "/bin/sh", List.of("sh", "-c", script), List.of("PATH=/usr/bin:/bin"), all, true);
    }

    private Processes.Ended await(int pid) {
        try (Descriptor process = Processes.pidfd(pid);
                Epoll epoll = new Epoll()) {
            epoll.add(process.number(), 1);
            assertThat(epoll.await(30_000, tokens)).isEqualTo(1);
        }
        Processes.Ended ended = Processes.reap(pid);
        if (ended == null) {
            throw new AssertionError("pid " + pid + " has not ended");
        }
        return ended;
    }

    @Test
    void anExitStatusIsTold() {
        int pid = sh("exit 7");
        assertThat(await(pid)).isEqualTo(new Processes.Ended(pid, 7, 0));
    }

    @Test
    void aSignalIsTold() {
        int pid = sh("kill -9 $$");
        Processes.Ended ended = await(pid);
        assertThat(ended.signal()).isEqualTo(Signals.SIGKILL);
        assertThat(Signals.name(ended.signal())).isEqualTo("SIGKILL");
    }

    @Test
    void descriptorsAreInheritedFromThreeOn() throws IOException {
        Descriptor[] pipe = FileIo.pipe();
        Descriptor[] other = FileIo.pipe();
        try (Descriptor read = pipe[0];
                Descriptor alsoRead = other[0]) {
            // Crossed, so that each number is in the other's way.
            int pid = sh("echo three >&3; echo four >&4", other[1].number(), pipe[1].number());
            pipe[1].close();
            other[1].close();
            assertThat(text(alsoRead)).isEqualTo("three\n");
            assertThat(text(read)).isEqualTo("four\n");
            assertThat(await(pid).exitStatus()).isZero();
        }
    }

    @Test
    void nothingElseIsInherited() throws IOException {
        Descriptor[] pipe = FileIo.pipe();
        try (Descriptor read = pipe[0];
                Descriptor other = EventFd.create()) {
            assertThat(other.number()).isPositive();
            int pid = sh("ls /proc/self/fd >&3", pipe[1].number());
            pipe[1].close();
            assertThat(text(read).lines().filter(line -> Integer.parseInt(line) > 4)).isEmpty();
            assertThat(await(pid).exitStatus()).isZero();
        }
    }

    private static String text(Descriptor pipe) throws IOException {
        try (InputStream in = Files.newInputStream(Path.of("/proc/self/fd/" + pipe.number()))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void whatIsNotThereIsAnError() {
        int[] none = {Processes.DEV_NULL, Processes.DEV_NULL, Processes.DEV_NULL};
        assertThatThrownBy(() -> Processes.spawn("/no/such", List.of("x"), List.of(), none, false))
                .isInstanceOf(LinuxException.class)
                .hasMessageContaining("/no/such")
                .hasMessageContaining("ENOENT (");
        int pid = sh("exit 0");
        await(pid);
        assertThat(Processes.kill(pid, Signals.SIGTERM)).isFalse();
    }

    @Test
    void aProcessThatRunsIsNotReaped() {
        int pid = sh("read x", Processes.DEV_NULL);
        int sleeper = sh("exec sleep 1000");
        assertThat(Processes.reap(sleeper)).isNull();
        assertThat(Processes.kill(sleeper, Signals.SIGTERM)).isTrue();
        assertThat(await(sleeper).signal()).isEqualTo(Signals.SIGTERM);
        assertThat(await(pid).exitStatus()).isEqualTo(1);
    }

    @Test
    void whatAnotherHasOpenIsShared() {
        Descriptor[] pipe = FileIo.pipe();
        try (Arena arena = Arena.ofConfined();
                Descriptor read = pipe[0];
                Descriptor write = pipe[1]) {
            assertThat(write.number()).isPositive(); // open, so that a read finds no end
            int pid = sh("exec sleep 1000", read.number());
            try (Descriptor shared = Processes.share(pid, 3)) {
                FileIo.setFlag(shared.number(), FileIo.O_NONBLOCK, true);
            }
            long room = arena.allocate(1).address();
            assertThat(FileIo.read(read.number(), room, 1)).isEqualTo(-Errno.EAGAIN);
            assertThatThrownBy(() -> Processes.share(pid, 999))
                    .hasMessageContaining("pidfd_getfd(" + pid + ", 999)")
                    .hasMessageContaining("EBADF (");
            assertThat(Processes.kill(pid, Signals.SIGTERM)).isTrue();
            await(pid);
        }
    }
}
