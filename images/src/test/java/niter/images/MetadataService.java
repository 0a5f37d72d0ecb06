package niter.images;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** As much of EC2's instance metadata service, version 2, as an instance of ours asks for. */
final class MetadataService implements AutoCloseable {
    private static final String TOKEN = "AQAEAMetadata==";

    private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final Map<String, String> values = new ConcurrentHashMap<>();
    private volatile int failures;

    /**
     * Starts it.
     *
     * @param failures how many of the first requests are answered as by a service that starts
     */
    MetadataService(int failures) throws IOException {
        this.failures = failures;
        Thread.ofPlatform().daemon().name("metadata").start(this::serve);
    }

    int port() {
        return socket.getLocalPort();
    }

    /** Sets what is below "/latest/". */
    void set(String path, String value) {
        values.put("/latest/" + path, value);
    }

    private void serve() {
        while (!socket.isClosed()) {
            try (Socket connection = socket.accept()) {
                BufferedReader in =
                        new BufferedReader(
                                new InputStreamReader(
                                        connection.getInputStream(), StandardCharsets.US_ASCII));
                List<String> request = new ArrayList<>();
                for (String line = in.readLine();
                        line != null && !line.isEmpty();
                        line = in.readLine()) {
                    request.add(line);
                }
                OutputStream out = connection.getOutputStream();
                out.write(answer(request).getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                // The client went away, or this was closed.
            }
        }
    }

    private String answer(List<String> request) {
        if (failures > 0) {
            failures--;
            return failures % 2 == 0 ? answer("503 Service Unavailable", "later") : "";
        }
        if (request.contains("PUT /latest/api/token HTTP/1.0")) {
            boolean valid = request.contains("X-aws-ec2-metadata-token-ttl-seconds: 300");
            return valid ? answer("200 OK", TOKEN) : answer("400 Bad Request", "");
        }
        if (!request.contains("X-aws-ec2-metadata-token: " + TOKEN)) {
            return answer("401 Unauthorized", "");
        }
        String value = values.get(request.getFirst().split(" ", -1)[1]);
        return value == null ? answer("404 Not Found", "none") : answer("200 OK", value);
    }

    private static String answer(String status, String body) {
        int length = body.getBytes(StandardCharsets.UTF_8).length;
        String head = "HTTP/1.0 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n";
        return head.formatted(status, length) + body;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
