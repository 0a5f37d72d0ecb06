package niter.keeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperStarter;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.Exited;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.Spawn;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import niter.linux.MemoryFile;

/** A real keeper in a JVM of its own. Its controller is a shell script that sleeps. */
final class TestKeeper implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 30;

    private final StateDirectory state;
    private final Path directory;
    private final Path java;
    private final List<KeeperClient> clients = new ArrayList<>();
    private Process process;

    TestKeeper(Path directory) throws IOException {
        this.directory = directory;
        state = StateDirectory.of(directory.resolve("state"));
        java = directory.resolve("java");
        Files.writeString(
                java,
                """
                #!/bin/sh
                case $1 in
                *keeper.args) shift; exec %s "$@" ;;
                *) exec /bin/sleep 1000000 ;;
                esac
                """
                        .formatted(String.join(" ", java(KeeperMain.class))));
        Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwx------"));
        process = launch();
    }

    StateDirectory state() {
        return state;
    }

    /** What a controller has to start the next keeper. */
    KeeperStarter starter() {
        return new KeeperStarter(state, java.toString(), directory);
    }

    /** One more keeper for the same directory. */
    Process launch() throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(java(KeeperMain.class, "--state", state.root().toString()));
        builder.environment().put("NITER_JAVA", java.toString());
        builder.environment().put("NITER_DIST", directory.toString());
        return builder.start();
    }

    /** The command that runs one of our classes in a JVM. */
    static List<String> java(Class<?> main, String... arguments) {
        String path =
                Stream.of(
                                System.getProperty("jdk.module.path", ""),
                                System.getProperty("java.class.path", ""),
                                "target/test-classes")
                        .filter(part -> !part.isEmpty())
                        .collect(Collectors.joining(File.pathSeparator));
        List<String> command =
                new ArrayList<>(
                        List.of(
                                System.getProperty("java.home") + "/bin/java",
                                "-XX:TieredStopAtLevel=1",
                                "-XX:+UseSerialGC",
                                "-Xmx32m",
                                "--enable-native-access=ALL-UNNAMED",
                                "-cp",
                                path,
                                main.getName()));
        command.addAll(List.of(arguments));
        return command;
    }

    Process process() {
        return process;
    }

    /** Ends the keeper as the worst can happen; nothing else. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** Starts the next one. */
    void start() throws IOException {
        process = launch();
    }

    KeeperClient connect(String name) throws IOException {
        IOException last = null;
        for (int i = 0; i < 10; i++) { // each waits a while for a keeper
            try {
                KeeperClient client = KeeperClient.connect(state.keeperSocket(), name);
                clients.add(client);
                return client;
            } catch (IOException e) {
                last = e;
            }
        }
        throw new IOException("no keeper", last);
    }

    /** All ends from now on. */
    static BlockingQueue<Exited> ends(KeeperClient client) throws IOException {
        BlockingQueue<Exited> ends = new LinkedBlockingQueue<>();
        client.watch(ends::add);
        return ends;
    }

    /** The next end of a process. */
    static Exited next(BlockingQueue<Exited> ends, String name) throws InterruptedException {
        while (true) {
            Exited end = ends.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertThat(end).as("an end of " + name).isNotNull();
            if (end.getProcess().equals(name)) {
                return end;
            }
        }
    }

    static niter.controller.control.protocol.Process row(KeeperClient client, String name)
            throws IOException {
        return client.processes().stream()
                .filter(process -> process.getName().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** Spawn for a shell script; its output is in the log of that name. */
    Spawn shell(String name, RestartPolicy restart, String script) {
        return Spawn.newBuilder()
                .setProcess(name)
                .setExecutable("/bin/sh")
                .addAllArguments(List.of("niter-" + name, "-c", script))
                .setLogFile(state.log(name).toString())
                .setRestart(restart)
                .build();
    }

    Spawn sleeper(String name, RestartPolicy restart) {
        return shell(name, restart, "exec /bin/sleep 1000000");
    }

    String log(String name) throws IOException {
        return Files.readString(state.log(name));
    }

    long openDescriptors() throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc/" + process.pid() + "/fd"))) {
            return all.count();
        }
    }

    static void kill(int pid) {
        niter.linux.Processes.kill(pid, niter.linux.Signals.SIGKILL);
    }

    static boolean lives(int pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return !stat.contains(") Z "); // whoever inherits an orphan may reap it late
        } catch (IOException e) {
            return false;
        }
    }

    /** Sealed memory that holds a text. */
    static Descriptor memory(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        Descriptor file = MemoryFile.create("test", bytes.length);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
            FileIo.pwrite(file.number(), segment.address(), bytes.length, 0);
        }
        return file;
    }

    static String text(Descriptor file) {
        try (Arena arena = Arena.ofConfined()) {
            long bytes = FileIo.size(file.number());
            MemorySegment segment = arena.allocate(bytes);
            FileIo.pread(file.number(), segment.address(), bytes, 0);
            return new String(segment.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        }
    }

    /** What a client was given, as texts; closed after. */
    static Map<String, String> given(KeeperClient client) {
        Map<String, String> texts = new LinkedHashMap<>();
        client.given()
                .forEach(
                        (key, file) -> {
                            texts.put(key, text(file));
                            file.close();
                        });
        return texts;
    }

    /** Asks it to end everything, and waits. */
    int shutDown() throws IOException, InterruptedException {
        connect("cli").shutDown();
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }

    @Override
    public void close() {
        try {
            if (process.isAlive()) {
                shutDown();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            clients.forEach(KeeperClient::close);
        }
    }
}
