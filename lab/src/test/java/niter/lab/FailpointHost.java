package niter.lab;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import niter.controller.control.FunctionKeys;
import niter.controller.control.KeeperClient;
import niter.controller.control.Specification;
import niter.controller.control.StateDirectory;
import niter.controller.control.StateDirectoryException;
import niter.controller.control.protocol.EnsureFunction;
import niter.controller.control.protocol.Process;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.Spawn;
import niter.linux.Descriptor;
import niter.linux.Failpoint;
import niter.linux.FailpointFile;
import org.jspecify.annotations.Nullable;

/**
 * A real keeper and a real EBS card of this build with one volume and failpoints. The controller is
 * a program that sleeps: nobody else tells the card what to serve.
 */
final class FailpointHost implements AutoCloseable {
    static final String CARD = "ebs";
    static final String KEEPER = "keeper";

    private static final String VOLUME = "vol-0123456789abcdef0";
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    final FailpointFile points;

    private final StateDirectory state;
    private final KeeperClient keeper;
    private int spawned;

    FailpointHost(Path directory) throws IOException {
        try {
            state = StateDirectory.of(directory.resolve("state")).open();
        } catch (StateDirectoryException e) {
            throw new IOException(e);
        }
        Path file = state.run().resolve("failpoints");
        points = FailpointFile.open(file);
        @Nullable String dist = System.getenv("NITER_DIST");
        if (dist == null) {
            throw new IllegalStateException("NITER_DIST is not set: run these with niter test");
        }
        Path java = directory.resolve("java");
        Files.writeString(
                java,
                """
                #!/bin/sh
                case $1 in
                *controller.args) exec /bin/sleep 1000000 ;;
                *) exec %s/bin/java "$@" ;;
                esac
                """
                        .formatted(System.getProperty("java.home")));
        Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwx------"));
        try (RandomAccessFile volume =
                new RandomAccessFile(state.volumes().resolve(VOLUME).toFile(), "rw")) {
            volume.setLength(1 << 20);
        }
        ProcessBuilder builder =
                new ProcessBuilder(
                        java.toString(),
                        "@" + Path.of(dist, "keeper.args"),
                        "--state",
                        state.root().toString());
        builder.environment().put("NITER_JAVA", java.toString());
        builder.environment().put(Failpoint.VARIABLE, file.toString());
        builder.redirectErrorStream(true).redirectOutput(log()).start();
        keeper = KeeperClient.connect(state.keeperSocket(), "test", () -> {});
        startCard(java, Path.of(dist));
    }

    private java.io.File log() {
        return state.log("first-keeper").toFile();
    }

    /** It finds what to serve with the keeper, as after an earlier card's death. */
    private void startCard(Path java, Path dist) throws IOException {
        EnsureFunction function =
                EnsureFunction.newBuilder()
                        .setFunctionId(VOLUME)
                        .setVolumeId(VOLUME)
                        .setSocketPath(socket().toString())
                        .setDeviceName("/dev/xvda")
                        .build();
        Spawn spawn =
                Spawn.newBuilder()
                        .setProcess(CARD)
                        .setExecutable(java.toString())
                        .addArguments("niter-ebs")
                        .addArguments("@" + dist.resolve("ebs.args"))
                        .addArguments("--state")
                        .addArguments(state.root().toString())
                        .setLogFile(state.log(CARD).toString())
                        .setRestart(RestartPolicy.RESTART_ALWAYS)
                        .build();
        try (KeeperClient earlier = KeeperClient.connect(state.keeperSocket(), CARD);
                Descriptor specification = Specification.write(function)) {
            earlier.hold(Map.of(FunctionKeys.prefix(VOLUME) + FunctionKeys.SPEC, specification));
            keeper.spawn(spawn);
        }
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (!Files.exists(socket())) {
            if (System.nanoTime() > end) {
                throw new IOException("no card: " + Files.readString(state.log(CARD)));
            }
            Thread.onSpinWait();
        }
    }

    Path socket() {
        return state.functionSocket(VOLUME);
    }

    /** Waits until a process runs that is not the one given. */
    int pidAfter(String process, int before) throws IOException {
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (System.nanoTime() < end) {
            for (Process one : processes()) {
                if (one.getName().equals(process) && one.getPid() > 0 && one.getPid() != before) {
                    return one.getPid();
                }
            }
        }
        throw new IOException(process + " does not come back");
    }

    /** None where there is no keeper yet: on a busy machine one takes seconds to start. */
    private List<Process> processes() {
        try {
            return keeper.processes();
        } catch (IOException e) {
            return List.of();
        }
    }

    /** Has the keeper start something; a keeper that dies meanwhile has done so or not. */
    void spawnSomething() {
        Spawn something =
                Spawn.newBuilder()
                        .setProcess("something-" + ++spawned)
                        .setExecutable("/bin/true")
                        .addArguments("true")
                        .setRestart(RestartPolicy.RESTART_NEVER)
                        .build();
        try {
            keeper.spawn(something);
        } catch (IOException e) {
            return; // it was killed
        }
    }

    String logs() throws IOException {
        String text = Files.readString(state.log(CARD));
        return text.substring(Math.max(0, text.length() - 4000));
    }

    @Override
    public void close() throws IOException {
        for (Failpoint point : Failpoint.values()) {
            points.disarm(point);
        }
        int pid = pidAfter(KEEPER, 0);
        keeper.shutDown();
        keeper.close();
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (KeptCard.isRunning(pid)) { // until then it and what it ends write to the directory
            if (System.nanoTime() > end) {
                throw new IOException("the keeper does not end");
            }
            Thread.onSpinWait();
        }
        points.close();
    }
}
