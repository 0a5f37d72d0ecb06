package niter.controller.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Metrics over a socket, as Prometheus reads them. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class MetricsServerTest {
    @TempDir Path directory;
    private Path socket;
    private MetricsServer server;

    @BeforeEach
    void start() throws IOException {
        socket = directory.resolve("metrics-test.sock");
        server = MetricsServer.open(socket, MetricsServerTest::fill);
    }

    @AfterEach
    void end() throws IOException {
        server.close();
    }

    private static void fill(MetricsText text) {
        text.counter("niter_test_reads_total", "Reads.", 5, "volume_id", "vol-1");
        text.gauge("niter_test_up", "1 where it runs.", 1);
        text.counter("niter_test_reads_total", "Reads.", 7, "volume_id", "a\"b\\c\nd", "kind", "x");
    }

    private String ask(String request) throws IOException {
        try (SocketChannel channel = connect()) {
            channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.ISO_8859_1)));
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            ByteBuffer part = ByteBuffer.allocate(4096);
            while (channel.read(part) >= 0) {
                all.write(part.array(), 0, part.position());
                part.clear();
            }
            return all.toString(StandardCharsets.UTF_8);
        }
    }

    private SocketChannel connect() throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(socket));
        return channel;
    }

    @Test
    void samplesStandWithTheirFamily() throws IOException {
        String body =
                """
                # HELP niter_test_reads_total Reads.
                # TYPE niter_test_reads_total counter
                niter_test_reads_total{volume_id="vol-1"} 5
                niter_test_reads_total{volume_id="a\\"b\\\\c\\nd",kind="x"} 7
                # HELP niter_test_up 1 where it runs.
                # TYPE niter_test_up gauge
                niter_test_up 1
                """;
        assertThat(ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                .isEqualTo(
                        """
                        HTTP/1.1 200 OK\r
                        Content-Type: text/plain; version=0.0.4; charset=utf-8\r
                        Content-Length: %d\r
                        Connection: close\r
                        \r
                        %s"""
                                .formatted(body.length(), body));
    }

    @Test
    void whatIsNoSuchRequestGetsItsStatus() throws IOException {
        assertThat(ask("GET / HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 404 ");
        assertThat(ask("POST /metrics HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 405 ");
        assertThat(ask("nonsense\r\n\r\n")).startsWith("HTTP/1.1 400 ");
        assertThat(ask("GET /metrics HTTP/1.1\r\nX: " + "x".repeat(8192 - 26)))
                .startsWith("HTTP/1.1 400 ");
    }

    @Test
    void whoLeavesOrSaysNothingHoldsUpNobodyForLong() throws IOException {
        connect().close();
        try (SocketChannel silent = connect()) {
            assertThat(ask("GET /metrics HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 200 ");
            assertThat(silent.read(ByteBuffer.allocate(1))).isEqualTo(-1);
        }
    }

    @Test
    void theSocketIsThisUsersAndReplacesTheOneBefore() throws IOException {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                .isEqualTo("rw-------");
        try (MetricsServer next = MetricsServer.open(socket, MetricsServerTest::fill)) {
            assertThat(ask("GET /metrics HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 200 ");
            assertThat(next).isNotNull();
        }
    }
}
