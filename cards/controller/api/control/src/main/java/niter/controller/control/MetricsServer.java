package niter.controller.control;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Shows a process's metrics to this user: HTTP on a Unix socket, {@code GET /metrics}, one answer a
 * connection, one connection at a time. A thread of its own asks for them when they are asked for.
 */
public final class MetricsServer implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(MetricsServer.class.getName());
    private static final int BACKLOG = 8;
    private static final int MAX_REQUEST_BYTES = 8192;

    /** How long a client may take for all of it. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(2);

    /** After a failure: without descriptors each attempt fails at once. */
    private static final long PAUSE_NANOS = 100_000_000L;

    private static final String TYPE = "text/plain; version=0.0.4; charset=utf-8";

    private final ServerSocketChannel listener;
    private final Consumer<MetricsText> metrics;

    private MetricsServer(ServerSocketChannel listener, Consumer<MetricsText> metrics) {
        this.listener = listener;
        this.metrics = metrics;
    }

    /**
     * Begins to serve. A process that cannot show its metrics goes on without; that is logged.
     *
     * @param path of the socket; one that an earlier process left gives way
     * @param metrics adds what there is, on a thread of this server's
     */
    public static void start(Path path, Consumer<MetricsText> metrics) {
        try {
            open(path, metrics);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "{0}: no metrics: {1}", path, e.getMessage());
        }
    }

    static MetricsServer open(Path path, Consumer<MetricsText> metrics) throws IOException {
        Files.deleteIfExists(path);
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(path), BACKLOG);
        // Its directory is closed to others, so nobody comes before this.
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
        MetricsServer server = new MetricsServer(listener, metrics);
        Thread.ofPlatform().daemon().name("metrics").start(server::run);
        return server;
    }

    private void run() {
        while (listener.isOpen()) {
            try (SocketChannel client = listener.accept();
                    Selector selector = Selector.open()) {
                client.configureBlocking(false);
                serve(client, client.register(selector, 0));
            } catch (IOException e) { // it left, or was too slow, or no descriptor is left
                LOG.log(System.Logger.Level.DEBUG, "metrics: {0}", e.getMessage());
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    private void serve(SocketChannel client, SelectionKey key) throws IOException {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        ByteBuffer request = ByteBuffer.allocate(MAX_REQUEST_BYTES);
        while (!isWhole(request) && request.hasRemaining()) {
            await(key, SelectionKey.OP_READ, deadline);
            if (client.read(request) < 0) {
                return;
            }
        }
        ByteBuffer answer = ByteBuffer.wrap(answer(text(request)));
        while (answer.hasRemaining()) {
            if (client.write(answer) == 0) {
                await(key, SelectionKey.OP_WRITE, deadline);
            }
        }
    }

    private static String text(ByteBuffer request) {
        return new String(request.array(), 0, request.position(), StandardCharsets.ISO_8859_1);
    }

    private static boolean isWhole(ByteBuffer request) {
        return text(request).contains("\r\n\r\n");
    }

    private static void await(SelectionKey key, int interest, long deadline) throws IOException {
        key.interestOps(interest);
        long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        key.selector().selectedKeys().clear();
        if (millis <= 0 || key.selector().select(millis) == 0) {
            throw new IOException("a client was too slow");
        }
    }

    private byte[] answer(String request) {
        int end = request.indexOf("\r\n");
        String[] line = (end < 0 ? "" : request.substring(0, end)).split(" ", -1);
        if (line.length != 3 || !line[2].startsWith("HTTP/1.") || !request.contains("\r\n\r\n")) {
            return answer("400 Bad Request", "expected a request of HTTP/1.1\n");
        }
        if (!line[0].equals("GET")) {
            return answer("405 Method Not Allowed", "expected GET\n");
        }
        if (!line[1].equals("/metrics")) {
            return answer("404 Not Found", "expected /metrics\n");
        }
        try {
            MetricsText text = new MetricsText();
            metrics.accept(text);
            return answer("200 OK", text.toString());
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "metrics", e);
            return answer("503 Service Unavailable", "not now\n");
        }
    }

    private static byte[] answer(String status, String body) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        byte[] head =
                "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
                        .formatted(status, TYPE, bytes.length)
                        .getBytes(StandardCharsets.ISO_8859_1);
        byte[] all = new byte[head.length + bytes.length];
        System.arraycopy(head, 0, all, 0, head.length);
        System.arraycopy(bytes, 0, all, head.length, bytes.length);
        return all;
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }
}
