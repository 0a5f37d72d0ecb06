package niter.pcie;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import niter.linux.Descriptor;
import niter.linux.EventFd;
import niter.linux.MemoryFile;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Connections that come and go, in order or in the middle of a message, leave nothing open. */
class ConnectionsTest {
    private static final int BYTES = 1 << 20;

    @TempDir Path directory;

    /** How a client ends. */
    private enum End {
        IN_ORDER,
        INSIDE_A_HEADER,
        INSIDE_A_PAYLOAD,
        BEFORE_ITS_REPLY
    }

    @Test
    void aThousandOfThemLeaveNoDescriptorOpen() throws IOException {
        Path socket = directory.resolve("function.sock");
        try (FakeEscrow escrow = new FakeEscrow(() -> {});
                FunctionServer server =
                        FunctionServer.start(
                                "adder", new Adder(() -> {}), socket, escrow, Map.of());
                Descriptor memory = MemoryFile.create("guest", BYTES);
                Descriptor eventfd = EventFd.create()) {
            for (End end : End.values()) {
                connect(socket, memory, eventfd, end);
            }
            long before = openAtRest(socket, escrow);
            for (int n = 0; n < 1000; n++) {
                End end = n % 2 == 0 ? End.IN_ORDER : End.values()[1 + n / 2 % 3];
                connect(socket, memory, eventfd, end);
            }
            // Other tests' descriptors may go meanwhile; one a connection would be a thousand.
            assertThat(openAtRest(socket, escrow)).isLessThanOrEqualTo(before);
            assertThat(server.connected()).isFalse();
        }
    }

    /** The function's end meets the connection's. */
    @Test
    void aFunctionIsRemovedWhileItsClientLeaves() throws Exception {
        for (int n = 0; n < 500; n++) {
            Path socket = directory.resolve("function.sock");
            try (FakeEscrow escrow = new FakeEscrow(() -> {})) {
                FunctionServer server =
                        FunctionServer.start(
                                "adder", new Adder(() -> {}), socket, escrow, Map.of());
                FunctionClient client = FunctionClient.connect(socket);
                Thread leaving = Thread.ofPlatform().start(client::close);
                server.close();
                leaving.join();
                assertThat(escrow.size()).isZero();
                assertThat(socket).doesNotExist();
            }
        }
    }

    private static void connect(Path socket, Descriptor memory, Descriptor eventfd, End end)
            throws IOException {
        try (FunctionClient client = FunctionClient.connect(socket)) {
            client.map(memory, 0, 0x10_0000, BYTES, 3);
            client.assign(0, eventfd, eventfd);
            assertThat(client.read(7, 0, 4)).isEqualTo(0x80611d0fL);
            switch (end) {
                case IN_ORDER -> client.unmap(0x10_0000, BYTES);
                case INSIDE_A_HEADER -> sendMap(client, 7, memory);
                case INSIDE_A_PAYLOAD -> sendMap(client, 40, memory);
                case BEFORE_ITS_REPLY -> sendMap(client, 48, memory);
            }
        }
    }

    /** The first bytes of a DMA_MAP, with its descriptor. */
    private static void sendMap(FunctionClient client, int bytes, Descriptor memory) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment message = arena.allocate(48, 8);
            message.set(ValueLayout.JAVA_SHORT, Wire.COMMAND, (short) Wire.DMA_MAP);
            message.set(ValueLayout.JAVA_INT, Wire.SIZE, 48);
            message.set(ValueLayout.JAVA_INT, 16, 32); // argsz
            message.set(ValueLayout.JAVA_INT, 20, 3);
            message.set(ValueLayout.JAVA_LONG, 32, 0x80_0000);
            message.set(ValueLayout.JAVA_LONG, 40, BYTES);
            int to = client.socket().number();
            assertThat(UnixSocket.send(to, message.address(), bytes, 0, memory.number()))
                    .isEqualTo(bytes);
        }
    }

    /** Descriptors of this process while nobody is connected. */
    private static long openAtRest(Path socket, FakeEscrow escrow) throws IOException {
        FunctionClient.connect(socket).close(); // served after all who came before
        while (escrow.size() > 2) { // the segment and the listener; the connection goes last
            Thread.onSpinWait();
        }
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            return files.count();
        }
    }
}
