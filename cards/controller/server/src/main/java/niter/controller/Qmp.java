package niter.controller;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/**
 * QEMU's machine protocol (QMP) on a connected socket: a JSON object a line. The socket outlives
 * this process, so the first line may be the rest of one, and QEMU may have been greeted before.
 */
final class Qmp implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Qmp.class.getName());
    private static final int ANSWER_SECONDS = 10;
    private static final int CHUNK = 4096;
    private static final int MAX_LINE = 1 << 16;

    private final String instance;
    private final JsonFactory json = new JsonFactory();
    private final SocketStream socket;
    private final Listener listener;
    private final Map<String, CompletableFuture<Map<String, String>>> pending = new HashMap<>();
    private long lastId; // guarded by this
    private boolean ended; // guarded by this

    /** What QEMU says by itself. Called on this connection's thread. */
    interface Listener {
        /** Commands are taken. */
        void ready(Qmp qmp);

        /**
         * The guest's machine stopped: SHUTDOWN.
         *
         * @param reason as QMP spells it: "guest-shutdown", "host-qmp-quit"
         */
        void shutDown(String reason);

        /** A device is out of the machine: DEVICE_DELETED. */
        default void deleted(String device) {}

        /** Nothing will be said any more. */
        void ended();
    }

    /** QEMU's answer: it cannot do that. */
    static final class RefusedException extends IOException {
        private static final long serialVersionUID = 1;

        RefusedException(String message) {
            super(message);
        }
    }

    /** Takes over the descriptor. */
    Qmp(String instance, Descriptor socket, Listener listener) {
        this.instance = instance;
        this.socket = new SocketStream(socket);
        this.listener = listener;
        Thread.ofPlatform().daemon().name("qmp-" + instance).start(this::receive);
    }

    private void receive() {
        try (InputStream input = socket.input()) {
            negotiate();
            byte[] chunk = new byte[CHUNK];
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int got = input.read(chunk); got >= 0; got = input.read(chunk)) {
                for (int i = 0; i < got; i++) {
                    if (chunk[i] != '\n') {
                        line.write(chunk[i]);
                    } else {
                        message(line.toString(StandardCharsets.UTF_8));
                        line.reset();
                    }
                }
                if (line.size() > MAX_LINE) {
                    throw new IOException("a line of more than " + MAX_LINE + " bytes");
                }
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "{0}: QMP: {1}", instance, e.getMessage());
        } finally {
            end();
        }
    }

    /**
     * QEMU reads this after its greeting; where it was told before, it refuses, which is as good.
     */
    private void negotiate() {
        ask("qmp_capabilities", Map.of()).whenComplete((answer, error) -> negotiated(error));
    }

    private void negotiated(@Nullable Throwable error) {
        if (error == null || error instanceof RefusedException) {
            listener.ready(this);
        }
    }

    private void message(String line) {
        Map<String, String> fields;
        try {
            fields = flatten(line);
        } catch (IOException e) {
            return; // the rest of a line that a process before this one began to read
        }
        @Nullable String event = fields.get("event");
        if ("SHUTDOWN".equals(event)) {
            listener.shutDown(fields.getOrDefault("data.reason", ""));
        } else if ("DEVICE_DELETED".equals(event)) {
            listener.deleted(fields.getOrDefault("data.device", ""));
        }
        @Nullable String id = fields.get("id");
        @Nullable CompletableFuture<Map<String, String>> future = id == null ? null : take(id);
        if (future == null) {
            return;
        }
        @Nullable String refused = fields.get("error.desc");
        if (refused == null) {
            future.complete(fields);
        } else {
            future.completeExceptionally(new RefusedException(refused));
        }
    }

    private synchronized @Nullable CompletableFuture<Map<String, String>> take(String id) {
        return pending.remove(id);
    }

    /** Scalars of a JSON object by their paths: {@code {"a": {"b": 1}}} is a.b = 1. */
    private Map<String, String> flatten(String line) throws IOException {
        Map<String, String> fields = new HashMap<>();
        try (JsonParser parser = json.createParser(line)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("no object");
            }
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token.isScalarValue()) {
                    String path = parser.getParsingContext().pathAsPointer().toString();
                    fields.put(path.substring(1).replace('/', '.'), parser.getText());
                }
            }
        }
        return fields;
    }

    /** Runs a command without waiting. */
    void send(String command, Map<String, String> arguments) {
        ask(command, arguments)
                .exceptionally(
                        error -> {
                            LOG.log(
                                    System.Logger.Level.WARNING,
                                    "QMP {0}: {1}",
                                    command,
                                    error.getMessage());
                            return Map.of();
                        });
    }

    /**
     * Runs a command and waits for its answer.
     *
     * @param arguments by name: a text, or a map of such
     * @return scalars of the answer by path, as "return.status"
     * @throws RefusedException if QEMU cannot do that
     */
    Map<String, String> execute(String command, Map<String, ?> arguments) throws IOException {
        try {
            return ask(command, arguments).get(ANSWER_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            @Nullable Throwable cause = e.getCause();
            if (cause instanceof RefusedException) {
                throw new RefusedException(command + ": " + cause.getMessage());
            }
            throw new IOException(command + ": " + (cause == null ? e : cause).getMessage(), e);
        } catch (TimeoutException e) {
            throw new IOException(command + ": no answer from QEMU", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(command + ": interrupted", e);
        }
    }

    private CompletableFuture<Map<String, String>> ask(String command, Map<String, ?> arguments) {
        CompletableFuture<Map<String, String>> answer = new CompletableFuture<>();
        try {
            synchronized (this) {
                if (ended) {
                    throw new IOException("QEMU has ended");
                }
                String id = ProcessHandle.current().pid() + "-" + ++lastId; // of no earlier process
                pending.put(id, answer);
                socket.write(QmpCommand.line(json, command, arguments, id));
            }
        } catch (IOException e) {
            answer.completeExceptionally(e);
        }
        return answer;
    }

    private void end() {
        socket.close();
        Map<String, CompletableFuture<Map<String, String>>> left;
        synchronized (this) {
            ended = true;
            left = Map.copyOf(pending);
            pending.clear();
        }
        left.values()
                .forEach(future -> future.completeExceptionally(new IOException("QEMU ended")));
        listener.ended();
    }

    /** Ends this end's use of the socket. */
    @Override
    public void close() {
        socket.close();
    }
}
