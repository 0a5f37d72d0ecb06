package niter.cli;

import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import niter.controller.control.StateDirectory;
import niter.controller.northbound.ConsoleOutput;
import niter.controller.northbound.ConsoleOutputRequest;
import niter.controller.northbound.ControllerGrpc.ControllerBlockingStub;
import org.jspecify.annotations.Nullable;

/**
 * An instance's SSH host keys, which it prints on its console as cloud-init does: nobody between
 * here and there can change that. Kept once they were seen, because the console's log is bounded.
 */
final class HostKeys {
    private static final String BEGIN = "-----BEGIN SSH HOST KEY KEYS-----";
    private static final String END = "-----END SSH HOST KEY KEYS-----";
    private static final int PATIENCE_SECONDS = 90;
    private static final int MAX_LINE = 4096;

    private final StateDirectory state;
    private final ControllerBlockingStub controller;

    HostKeys(StateDirectory state, ControllerBlockingStub controller) {
        this.state = state;
        this.controller = controller;
    }

    /**
     * A known_hosts file with the keys of an instance, under its id as the host's name. Waits for a
     * guest that is starting.
     */
    Path known(String instanceId) {
        Path file = state.ssh().resolve(instanceId + ".known_hosts");
        try {
            if (!Files.exists(file)) {
                StringBuilder lines = new StringBuilder();
                for (String key : printed(instanceId)) {
                    lines.append(instanceId).append(' ').append(key).append('\n');
                }
                AtomicFile.write(file, lines.toString());
            }
            return file;
        } catch (IOException e) {
            throw new CliException(ErrorLine.reason(e), e);
        }
    }

    private List<String> printed(String instanceId) {
        @Nullable List<String> keys;
        // Ends the stream, which nobody reads to its end.
        try (Context.CancellableContext context = Context.current().withCancellation()) {
            keys = context.wrap(() -> read(instanceId)).call();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        if (keys != null) {
            return keys;
        }
        throw new CliException(
                new InstanceStart(controller)
                        .ended(
                                instanceId,
                                "printed no SSH host keys on its console: it has no SSH server, or"
                                        + " is not up: niter console "
                                        + instanceId));
    }

    private @Nullable List<String> read(String instanceId) {
        Reader reader = new Reader();
        try {
            Iterator<ConsoleOutput> output =
                    controller
                            .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS)
                            .getConsoleOutput(
                                    ConsoleOutputRequest.newBuilder()
                                            .setInstance(instanceId)
                                            .setFollow(true)
                                            .build());
            while (output.hasNext()) {
                @Nullable List<String> keys =
                        reader.read(output.next().getData().toString(StandardCharsets.ISO_8859_1));
                if (keys != null) {
                    return keys;
                }
            }
        } catch (StatusRuntimeException e) {
            if (e.getStatus().getCode() != io.grpc.Status.Code.DEADLINE_EXCEEDED) {
                throw e;
            }
        }
        return null;
    }

    /** Finds the keys in a console's output, whose pieces end anywhere. */
    static final class Reader {
        private final StringBuilder line = new StringBuilder();
        private final List<String> keys = new ArrayList<>();
        private boolean inside;

        /** The keys, once the last of them has been read. */
        @Nullable List<String> read(String text) {
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                if (c != '\n') {
                    if (line.length() < MAX_LINE) {
                        line.append(c);
                    }
                    continue;
                }
                String whole = line.toString().strip();
                line.setLength(0);
                if (whole.endsWith(BEGIN)) { // the kernel may have begun the line
                    inside = true;
                    keys.clear();
                } else if (whole.equals(END) && inside && !keys.isEmpty()) {
                    return List.copyOf(keys);
                } else if (inside && whole.matches("[a-z0-9-]+ [A-Za-z0-9+/=]+( [ -~]*)?")) {
                    keys.add(whole);
                }
            }
            return null;
        }
    }
}
