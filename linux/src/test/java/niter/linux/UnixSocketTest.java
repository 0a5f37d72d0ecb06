package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixSocketTest {
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment buffer = arena.allocate(1 << 16, 8);

    @TempDir Path directory;

    @AfterEach
    void end() {
        arena.close();
    }

    private static long open() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            return files.count();
        }
    }

    private MessageHeader receive(Descriptor from, int room, int flags) {
        MessageHeader header = MessageHeader.allocate(arena, 1, room);
        header.iovec(0, buffer.address() + 32768, 32768);
        header.offerControl();
        assertThat(UnixSocket.recvmsg(from.number(), header.address(), flags)).isPositive();
        return header;
    }

    @Test
    void descriptorsGoBothWays() throws IOException {
        long before = open();
        Descriptor[] pair = UnixSocket.pair(UnixSocket.Type.STREAM);
        try (Descriptor memory = MemoryFile.create("shared", 4096);
                Descriptor one = pair[0];
                Descriptor two = pair[1]) {
            UnixSocket.send(one.number(), buffer.address(), 5, 0, memory.number());
            List<Descriptor> arrived = receive(two, 2, 0).descriptors();
            assertThat(arrived).hasSize(1);
            try (Descriptor copy = arrived.getFirst();
                    Mapping ours = Mapping.map(memory.number(), 0, 4096, true);
                    Mapping theirs = Mapping.map(copy.number(), 0, 4096, true)) {
                ours.segment().set(JAVA_LONG, 0, 42);
                assertThat(theirs.segment().get(JAVA_LONG, 0)).isEqualTo(42);
                UnixSocket.send(two.number(), buffer.address(), 1, 0, copy.number(), copy.number());
                List<Descriptor> back = receive(one, 2, 0).descriptors();
                assertThat(back).hasSize(2);
                back.forEach(Descriptor::close);
            }
        }
        assertThat(open()).isEqualTo(before);
    }

    @Test
    void aPeekDuplicatesAndLeavesTheMessage() throws IOException {
        Descriptor[] pair = UnixSocket.pair(UnixSocket.Type.STREAM);
        try (Descriptor event = EventFd.create();
                Descriptor one = pair[0];
                Descriptor two = pair[1]) {
            UnixSocket.send(one.number(), buffer.address(), 8, 0, event.number());
            List<Descriptor> peeked = receive(two, 1, UnixSocket.MSG_PEEK).descriptors();
            List<Descriptor> taken = receive(two, 1, 0).descriptors();
            EventFd.signal(peeked.getFirst().number());
            assertThat(EventFd.drain(taken.getFirst().number())).isEqualTo(1);
            peeked.forEach(Descriptor::close);
            taken.forEach(Descriptor::close);
        }
    }

    @Test
    void whereThereIsNoRoomNothingIsKept() throws IOException {
        Descriptor[] pair = UnixSocket.pair(UnixSocket.Type.STREAM);
        try (Descriptor event = EventFd.create();
                Descriptor one = pair[0];
                Descriptor two = pair[1]) {
            int number = event.number();
            UnixSocket.send(one.number(), buffer.address(), 8, 0, number, number, number, number);
            long before = open();
            MessageHeader header = receive(two, 1, 0);
            assertThatThrownBy(header::descriptors).isInstanceOf(DescriptorsLost.class);
            assertThat(open()).isEqualTo(before);
        }
    }

    @Test
    void packetsKeepTheirBoundaries() {
        SplittableRandom random = new SplittableRandom(5);
        Descriptor[] pair = UnixSocket.pair(UnixSocket.Type.SEQPACKET);
        try (Descriptor one = pair[0];
                Descriptor two = pair[1]) {
            for (int n = 0; n < 200; n++) {
                int first = 1 + random.nextInt(2000);
                int second = 1 + random.nextInt(2000);
                UnixSocket.send(one.number(), buffer.address(), first, 0);
                UnixSocket.send(one.number(), buffer.address(), second, 0);
                for (int length : new int[] {first, second}) {
                    MessageHeader header = MessageHeader.allocate(arena, 1, 0);
                    header.iovec(0, buffer.address() + 32768, 32768);
                    assertThat(UnixSocket.recvmsg(two.number(), header.address(), 0))
                            .isEqualTo(length);
                }
            }
        }
    }

    @Test
    void theLengthOfManyMessagesIsWrittenIntoTheirHeaders() {
        Descriptor[] pair = UnixSocket.pair(UnixSocket.Type.STREAM);
        try (Descriptor one = pair[0];
                Descriptor two = pair[1]) {
            MemorySegment headers = arena.allocate(2 * MessageHeader.BYTES, 8);
            MemorySegment iovecs = arena.allocate(2 * MessageHeader.IOVEC_BYTES, 8);
            for (int n = 0; n < 2; n++) {
                MessageHeader header = new MessageHeader(headers, n * MessageHeader.BYTES);
                MessageHeader.iovec(iovecs.address(), n, buffer.address(), 10 + n);
                header.iovecs(iovecs.address() + n * MessageHeader.IOVEC_BYTES, 1);
            }
            assertThat(UnixSocket.sendmmsg(one.number(), headers.address(), 2, 0)).isEqualTo(2);
            assertThat(new MessageHeader(headers, 0).length()).isEqualTo(10);
            assertThat(new MessageHeader(headers, MessageHeader.BYTES).length()).isEqualTo(11);
            MessageHeader all = MessageHeader.allocate(arena, 1, 0);
            all.iovec(0, buffer.address(), 100);
            assertThat(UnixSocket.recvmmsg(two.number(), all.address(), 1, 0)).isEqualTo(1);
            assertThat(all.length()).isEqualTo(21);
        }
    }

    @Test
    void whoConnectsIsKnown() throws IOException {
        Path path = directory.resolve("s");
        try (Descriptor listener = UnixSocket.listen(path, UnixSocket.Type.STREAM, 1);
                Descriptor client = UnixSocket.connect(path, UnixSocket.Type.STREAM)) {
            assertThat(client.number()).isPositive();
            try (Descriptor connection = Objects.requireNonNull(UnixSocket.accept(listener))) {
                assertThat(UnixSocket.peerPid(connection.number()))
                        .isEqualTo((int) ProcessHandle.current().pid());
                assertThat(UnixSocket.peerUid(connection.number()))
                        .isEqualTo(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
            }
            assertThat(Files.getAttribute(path, "unix:mode")).isEqualTo(0140600);
        }
    }

    @Test
    void aStaleSocketGivesWayAndAFileDoesNot() throws IOException {
        Path path = directory.resolve("s");
        UnixSocket.listen(path, UnixSocket.Type.STREAM, 1).close();
        UnixSocket.listen(path, UnixSocket.Type.STREAM, 1).close();
        Path file = Files.writeString(directory.resolve("f"), "mine");
        assertThatThrownBy(() -> UnixSocket.listen(file, UnixSocket.Type.STREAM, 1))
                .isInstanceOf(LinuxException.class);
        assertThat(file).hasContent("mine");
    }

    @Test
    void errorsNameTheCallAndItsArguments() {
        Path path = directory.resolve("nobody");
        assertThatThrownBy(() -> UnixSocket.connect(path, UnixSocket.Type.STREAM))
                .isInstanceOfSatisfying(
                        LinuxException.class,
                        e -> {
                            assertThat(e.errno()).isEqualTo(Errno.ENOENT);
                            assertThat(e).hasMessageContaining("connect(");
                            assertThat(e).hasMessageContaining(path.toString());
                            assertThat(e).hasMessageContaining("ENOENT (");
                        });
        Path longPath = directory.resolve("x".repeat(120));
        assertThatThrownBy(() -> UnixSocket.connect(longPath, UnixSocket.Type.STREAM))
                .hasMessageContaining("ENAMETOOLONG (");
    }
}
