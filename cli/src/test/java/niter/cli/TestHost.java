package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import niter.controller.control.KeeperClient;
import niter.controller.control.StateDirectory;
import niter.controller.northbound.DescribeInstancesRequest;
import niter.controller.northbound.Instance;
import niter.linux.Processes;
import niter.linux.Signals;
import org.jspecify.annotations.Nullable;

/**
 * The niter command of this build as its users have it, with a state directory of its own and the
 * user's cache of images.
 */
final class TestHost implements AutoCloseable {
    private static final byte[] NOTHING = {};
    private static final int MINUTES = 6;

    private final Path home;
    private final StateDirectory state;

    /** What a command said and how it ended. */
    record Ended(int status, byte[] output, String errors) {
        String text() {
            return new String(output, StandardCharsets.UTF_8);
        }
    }

    /** A command that runs. */
    record Running(
            Process process, CompletableFuture<byte[]> output, CompletableFuture<byte[]> errors) {
        Ended await() throws IOException {
            try {
                assertThat(process.waitFor(MINUTES, TimeUnit.MINUTES)).isTrue();
                return new Ended(
                        process.exitValue(),
                        output.get(),
                        new String(errors.get(), StandardCharsets.UTF_8));
            } catch (InterruptedException | ExecutionException e) {
                throw new IOException(e);
            } finally {
                process.destroyForcibly();
            }
        }
    }

    /**
     * A host that is not up yet.
     *
     * @param home short: the path of a Unix socket has 107 bytes
     */
    TestHost(Path home) {
        this.home = home;
        state = StateDirectory.of(home.resolve("niter"));
    }

    StateDirectory state() {
        return state;
    }

    /** Starts the command; what it says is collected. */
    Running start(byte[] input, Map<String, String> environment, String... arguments)
            throws IOException {
        @Nullable String dist = System.getenv("NITER_DIST");
        if (dist == null) {
            throw new IllegalStateException("NITER_DIST is not set: run these with niter test");
        }
        List<String> command = new ArrayList<>();
        command.add(Path.of(dist).resolve("../../niter").normalize().toString());
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("XDG_STATE_HOME", home.toString());
        builder.environment().putAll(environment);
        Process process = builder.start();
        var output = collect(process.getInputStream());
        var errors = collect(process.getErrorStream());
        Thread.ofPlatform().daemon().start(() -> feed(process.getOutputStream(), input));
        return new Running(process, output, errors);
    }

    private static CompletableFuture<byte[]> collect(InputStream from) {
        CompletableFuture<byte[]> all = new CompletableFuture<>();
        Thread.ofPlatform()
                .daemon()
                .start(
                        () -> {
                            try (from) {
                                all.complete(from.readAllBytes());
                            } catch (IOException e) {
                                all.completeExceptionally(e);
                            }
                        });
        return all;
    }

    private static void feed(OutputStream to, byte[] input) {
        try (to) {
            to.write(input);
        } catch (IOException e) {
            return; // it does not read all of it, which is its right
        }
    }

    Ended niter(String... arguments) throws IOException {
        return niter(NOTHING, arguments);
    }

    Ended niter(byte[] input, String... arguments) throws IOException {
        return start(input, Map.of(), arguments).await();
    }

    /** Runs a command that must succeed; what it printed. */
    String succeed(String... arguments) throws IOException {
        Ended ended = niter(arguments);
        assertThat(ended.status()).describedAs("%s", ended.errors()).isZero();
        return ended.text();
    }

    /** The process of a part: "ebs", "controller", "keeper", an instance's id. */
    int pid(String part) {
        try (KeeperClient keeper = KeeperClient.connect(state.keeperSocket(), "test")) {
            return keeper.processes().stream()
                    .filter(process -> process.getName().equals(part))
                    .mapToInt(niter.controller.control.protocol.Process::getPid)
                    .findFirst()
                    .orElse(0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void signal(String part, int signal) {
        int pid = pid(part);
        assertThat(pid).describedAs(part).isPositive();
        assertThat(Processes.kill(pid, signal)).isTrue();
    }

    /** Kills a part; whoever was killed before is back when the keeper has another pid for it. */
    void killOnceItServes(String part) {
        int pid = pid(part);
        while (pid == 0) {
            Thread.onSpinWait();
            pid = pid(part);
        }
        signal(part, Signals.SIGKILL);
        while (pid(part) == pid) {
            Thread.onSpinWait();
        }
    }

    /** Lets time go by between two deeds. */
    static void idle(int millis) throws InterruptedException {
        assertThat(new CountDownLatch(1).await(millis, TimeUnit.MILLISECONDS)).isFalse();
    }

    /** All instances, also those that are gone. */
    List<Instance> instances() {
        try (var channel =
                niter.controller.northbound.NorthboundChannel.open(
                        state.controllerSocket(), java.time.Duration.ofSeconds(30))) {
            return channel.blocking()
                    .describeInstances(DescribeInstancesRequest.getDefaultInstance())
                    .getInstanceList();
        }
    }

    /** Files below the state directory, but logs. */
    List<String> left() throws IOException {
        try (var files = Files.walk(state.root())) {
            return files.filter(file -> !Files.isDirectory(file))
                    .map(file -> state.root().relativize(file).toString())
                    .filter(name -> !name.startsWith("logs/"))
                    .sorted()
                    .toList();
        }
    }

    /** Ends all of it. */
    @Override
    public void close() throws IOException {
        succeed("down");
    }
}
