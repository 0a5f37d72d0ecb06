package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import niter.linux.Descriptor;
import niter.linux.EventFd;
import niter.linux.FileIo;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever a client does again and again: it fills no log. */
class LogLinesTest {
    private static final int TIMES = 500;

    /** Ten of each kind, and one more a second; each of {@link #TIMES} was a line once. */
    private static final int ENOUGH = 100;

    @TempDir Path directory;
    private final AtomicInteger lines = new AtomicInteger();
    private final Logger log = Logger.getLogger("niter.pcie");
    private final Handler counter =
            new Handler() {
                @Override
                public void publish(LogRecord line) {
                    lines.incrementAndGet();
                }

                @Override
                public void flush() {}

                @Override
                public void close() {}
            };

    @BeforeEach
    void count() {
        log.addHandler(counter);
    }

    @AfterEach
    void stop() {
        log.removeHandler(counter);
    }

    @Test
    void oneThatConnectsAndLeaves() throws IOException {
        Path socket = directory.resolve("function.sock");
        try (FakeEscrow escrow = new FakeEscrow(() -> {});
                FunctionServer server = start(socket, escrow)) {
            for (int n = 0; n < TIMES; n++) {
                FunctionClient.connect(socket).close();
            }
            assertThat(server.isOver()).isFalse();
        }
        assertThat(lines).hasPositiveValue().hasValueLessThan(ENOUGH);
    }

    @Test
    void oneThatBreaksTheProtocol() throws IOException {
        Path socket = directory.resolve("function.sock");
        try (FakeEscrow escrow = new FakeEscrow(() -> {});
                FunctionServer server = start(socket, escrow);
                Arena arena = Arena.ofConfined()) {
            long nothing = arena.allocate(Wire.HEADER_BYTES, 8).address();
            for (int n = 0; n < TIMES; n++) {
                try (FunctionClient client = FunctionClient.connect(socket)) {
                    UnixSocket.send(client.socket().number(), nothing, Wire.HEADER_BYTES, 0);
                    assertThatThrownBy(() -> client.read(0, 0, 8)).isInstanceOf(EOFException.class);
                }
            }
            assertThat(server.isOver()).isFalse();
        }
        assertThat(lines).hasPositiveValue().hasValueLessThan(ENOUGH);
    }

    @Test
    void oneThatSendsDescriptorsWhileTheKeeperIsAway() throws IOException {
        Path socket = directory.resolve("function.sock");
        Escrow away =
                new Escrow() {
                    @Override
                    public void hold(Map<String, Descriptor> byKey) throws IOException {
                        throw new IOException("no keeper");
                    }

                    @Override
                    public void release(String... keys) throws IOException {
                        throw new IOException("no keeper");
                    }
                };
        try (FunctionServer server = start(socket, away);
                Descriptor eventfd = EventFd.create()) {
            for (int n = 0; n < TIMES / 10; n++) {
                try (FunctionClient client = FunctionClient.connect(socket)) {
                    for (int i = 0; i < 10; i++) {
                        client.assign(0, eventfd);
                    }
                }
            }
            assertThat(server.isOver()).isFalse();
        }
        assertThat(lines).hasPositiveValue().hasValueLessThan(ENOUGH);
    }

    /** An earlier build took what is no eventfd, and this one goes on with it. */
    @Test
    void oneWhoseEventfdIsNone() throws IOException {
        Adder device = new Adder(() -> {});
        Descriptor[] pipe = FileIo.pipe();
        try (Descriptor file = FunctionSegment.allocate("adder", device.shape());
                FakeEscrow escrow = new FakeEscrow(() -> {});
                FunctionSegment segment = FunctionSegment.format(file, device.shape());
                Descriptor reader = pipe[0];
                HeldDescriptors held = new HeldDescriptors("adder", escrow)) {
            held.take(HeldDescriptors.PREFIX + 1, pipe[1]);
            Vectors vectors = new Vectors("adder", segment, held, new LogRation(System::nanoTime));
            segment.begin();
            segment.stagedSlot().set(JAVA_LONG, SegmentLayout.VECTOR_TOKENS, 1);
            segment.commit();
            vectors.refresh();
            for (int n = 0; n < TIMES; n++) {
                vectors.fire(0, true);
            }
            UnixSocket.setNonBlocking(reader.number(), true);
            try (Arena arena = Arena.ofConfined()) {
                long at = arena.allocate(JAVA_INT).address();
                assertThat(FileIo.read(reader.number(), at, 4)).as("nothing").isNegative();
            }
        }
        assertThat(lines).hasPositiveValue().hasValueLessThan(ENOUGH);
    }

    private static FunctionServer start(Path socket, Escrow escrow) throws IOException {
        return FunctionServer.start("adder", new Adder(() -> {}), socket, escrow, Map.of());
    }
}
