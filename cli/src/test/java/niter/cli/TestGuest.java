package niter.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import niter.controller.northbound.Instance;
import niter.controller.northbound.NorthboundChannel;
import niter.linux.Terminal;
import org.jspecify.annotations.Nullable;

/** A guest's agent, for tests that run several commands in one instance. */
final class TestGuest {
    private final TestHost host;
    private final String instance;

    TestGuest(TestHost host, String instance) {
        this.host = host;
        this.instance = instance;
    }

    /** Runs a command; waits for the guest to come up where it does. */
    TestHost.Ended run(String... command) throws IOException {
        return run(() -> {}, command);
    }

    /** As {@link #run(String...)}; {@code onOutput} runs whenever the command prints something. */
    TestHost.Ended run(Runnable onOutput, String... command) throws IOException {
        ByteArrayOutputStream output =
                new ByteArrayOutputStream() {
                    @Override
                    public synchronized void write(byte[] bytes, int offset, int length) {
                        super.write(bytes, offset, length);
                        onOutput.run();
                    }
                };
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        GuestCommand.Streams streams =
                new GuestCommand.Streams(new ByteArrayInputStream(new byte[0]), output, errors);
        int status = run(streams, null, command);
        return new TestHost.Ended(
                status, output.toByteArray(), errors.toString(StandardCharsets.UTF_8));
    }

    /**
     * As {@link #run(String...)}, with streams of one's own; its exit status.
     *
     * @param window the size of its terminal; null for none
     */
    int run(GuestCommand.Streams streams, Terminal.@Nullable Size window, String... command)
            throws IOException {
        Instance made = Instance.newBuilder().setInstanceId(instance).build();
        try (NorthboundChannel channel =
                        NorthboundChannel.open(
                                host.state().controllerSocket(), Duration.ofSeconds(30));
                AgentConnection agent = new InstanceStart(channel.blocking()).agent(made)) {
            List<byte[]> arguments =
                    Arrays.stream(command)
                            .map(word -> word.getBytes(StandardCharsets.UTF_8))
                            .toList();
            return new GuestCommand(agent, streams)
                    .run(new GuestCommand.Request(arguments, window, ""));
        }
    }

    /** A command on a thread of its own; when this returns it has begun to print, or has ended. */
    CompletableFuture<TestHost.Ended> start(String... command) {
        CompletableFuture<Void> started = new CompletableFuture<>();
        CompletableFuture<TestHost.Ended> all =
                CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                return run(() -> started.complete(null), command);
                            } catch (IOException e) {
                                throw new CompletionException(e);
                            }
                        },
                        task -> Thread.ofPlatform().daemon().name("load").start(task));
        CompletableFuture.anyOf(started, all).exceptionally(_ -> null).join();
        return all;
    }

    /**
     * Waits until DHCP has told the guest its address: the image's client works beside the agent.
     */
    void awaitAddress(String address) throws IOException {
        shell(
                "n=0; until ip -4 address show ens5 | grep -q ' %s/20 '; do n=$((n + 1)); [ $n -lt 60 ]; sleep 1; done"
                        .formatted(address));
    }

    /** A script beside the tests. */
    static String script(String name) throws IOException {
        try (InputStream script = TestGuest.class.getResourceAsStream(name)) {
            return new String(
                    Objects.requireNonNull(script).readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** What a shell prints; it must succeed. */
    String shell(String script) throws IOException {
        TestHost.Ended ended = run("sh", "-ec", script);
        if (ended.status() != 0) {
            throw new AssertionError(
                    "status %d: %s%s".formatted(ended.status(), ended.text(), ended.errors()));
        }
        return ended.text();
    }
}
