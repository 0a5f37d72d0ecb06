package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ProtocolException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The host's side against agents that send anything. */
class GuestCommandTest {
    private static final GuestCommand.Request REQUEST =
            new GuestCommand.Request(List.of("cat".getBytes(StandardCharsets.UTF_8)), null, "");

    @TempDir Path directory;
    private final ByteArrayOutputStream output = new ByteArrayOutputStream();
    private final ByteArrayOutputStream errors = new ByteArrayOutputStream();

    private int run(Frame... said) throws IOException {
        return run(Stream.of(said).map(GuestCommandTest::bytes).toArray(ByteBuffer[]::new));
    }

    /** Runs a command whose agent says this, then hangs up. */
    private int run(ByteBuffer... said) throws IOException {
        var address = UnixDomainSocketAddress.of(directory.resolve("agent"));
        try (var listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listener.bind(address);
            try (AgentConnection connection = AgentConnection.connect(address.getPath());
                    SocketChannel agent = listener.accept()) {
                for (ByteBuffer bytes : said) {
                    agent.write(bytes);
                }
                agent.shutdownOutput();
                var input = new ByteArrayInputStream(new byte[0]);
                var streams = new GuestCommand.Streams(input, output, errors);
                return new GuestCommand(connection, streams).run(REQUEST);
            }
        } finally {
            Files.delete(address.getPath());
        }
    }

    private static ByteBuffer bytes(Frame frame) {
        int length = frame.payload().length;
        ByteBuffer bytes = ByteBuffer.allocate(3 + length);
        return bytes.put((byte) frame.type()).putShort((short) length).put(frame.payload()).flip();
    }

    private static Frame frame(char type, String text) {
        return new Frame(type, text);
    }

    @Test
    void passesOutputErrorsAndStatus() throws IOException {
        int status =
                run(
                        frame(Frame.STARTED, ""),
                        frame(Frame.CREDIT, "2147483647"),
                        frame(Frame.OUTPUT, "out"),
                        frame(Frame.ERRORS, "err"),
                        frame(Frame.EXIT, "255"));
        assertThat(status).isEqualTo(255);
        assertThat(output.toString(StandardCharsets.UTF_8)).isEqualTo("out");
        assertThat(errors.toString(StandardCharsets.UTF_8)).isEqualTo("err");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "256", "-1", "2147483648", "seven", "1e1", "\u001b[2J"})
    void aStatusIsANumberOfAByte(String text) {
        refused("a frame X without a number from 0 to 255", frame(Frame.EXIT, text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "-1", "2147483648", "much"})
    void creditIsANumberAboveZero(String text) {
        refused("a frame C without a number from 1 to 2147483647", frame(Frame.CREDIT, text));
    }

    @Test
    void creditDoesNotOverflow() {
        Frame most = frame(Frame.CREDIT, "2147483647");
        refused("more input than 2 GiB", frame(Frame.CREDIT, "1"), most);
    }

    @Test
    void unknownAndOversizedFramesAreRefused() {
        refused("a frame of type 27", frame('\u001b', ""));
        refused("a frame of 1025 bytes", new Frame(Frame.OUTPUT, new byte[1025]));
    }

    @Test
    void anEndIsAnEndWhereverItComes() {
        ByteBuffer whole = bytes(frame(Frame.EXIT, "0"));
        for (int length = 0; length < whole.limit(); length++) {
            ByteBuffer part = whole.duplicate().limit(length);
            assertThatThrownBy(() -> run(part))
                    .isInstanceOf(GuestCommand.GuestEndedException.class);
        }
        assertThatThrownBy(() -> run(frame(Frame.STARTED, ""), frame(Frame.READY, "1")))
                .isInstanceOf(GuestCommand.GuestEndedException.class)
                .hasMessageContaining("rebooted");
    }

    private void refused(String message, Frame... said) {
        assertThatThrownBy(() -> run(said))
                .isInstanceOf(ProtocolException.class)
                .hasMessageContaining(message);
    }
}
