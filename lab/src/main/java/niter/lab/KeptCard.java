package niter.lab;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import niter.controller.control.ControlChannel;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperStarter;
import niter.controller.control.StateDirectory;
import niter.controller.control.StateDirectoryException;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.Process;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.Spawn;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.Signals;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * A card under a keeper. A process that only sleeps has the controller's place in the keeper's
 * table, and this says to the card what it is to do; nothing else of Niter runs.
 */
final class KeptCard implements AutoCloseable {
    private static final String KEEPER = "keeper";
    private static final long PATIENCE_NANOS = 60_000_000_000L;
    private static final long PAUSE_NANOS = 10_000_000;

    private final StateDirectory state;
    private final String name;
    private final KeeperClient keeper;
    private final ControlChannel card;
    private long asked;

    /**
     * How the card is started.
     *
     * @param name its part of the build: "ebs", "vpc"
     * @param options more of its JVM
     * @param cpu the one that all its threads share, or -1 for any
     */
    record Start(String name, List<String> options, int cpu, RestartPolicy restart) {}

    /**
     * Starts both.
     *
     * @param home a directory of its own; short, for a socket's path has 107 bytes
     * @param dist of the built program
     */
    KeptCard(Path home, Path dist, Start start) throws IOException {
        name = start.name;
        String java = Files.readString(dist.resolve("java")).strip();
        try {
            state = StateDirectory.of(home.resolve("niter")).open();
        } catch (StateDirectoryException e) {
            throw new IOException(e.getMessage(), e);
        }
        KeeperStarter starter =
                new KeeperStarter(state, withoutController(home, java).toString(), dist);
        keeper = connect(starter);
        boolean started = false;
        try (Descriptor listener =
                UnixSocket.listen(state.controlSocket(), UnixSocket.Type.SEQPACKET, 1)) {
            keeper.spawn(spawn(start, dist, java));
            @Nullable Descriptor socket = UnixSocket.accept(listener);
            if (socket == null) {
                throw new IOException("the card does not come");
            }
            card = new ControlChannel(socket);
            receive(); // Hello
            started = true;
        } finally {
            if (!started) {
                keeper.shutDown();
                keeper.close();
            }
        }
    }

    /** On a machine that is busy a keeper's start may take longer than a client waits. */
    private KeeperClient connect(KeeperStarter starter) throws IOException {
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (true) {
            try {
                return KeeperClient.connect(state.keeperSocket(), "lab", starter::start);
            } catch (IOException e) {
                if (System.nanoTime() > end) {
                    throw e;
                }
            }
        }
    }

    /** What the keepers take for the java program. */
    private static Path withoutController(Path home, String java) throws IOException {
        Path script = home.resolve("java");
        String text =
                """
                #!/bin/sh
                case $1 in
                *controller.args) exec sleep infinity ;;
                *) exec '%s' "$@" ;;
                esac
                """;
        Files.writeString(script, text.formatted(java));
        return Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    }

    private Spawn spawn(Start start, Path dist, String java) throws IOException {
        List<String> lines = new ArrayList<>(Files.readAllLines(dist.resolve(name + ".args")));
        lines.addAll(lines.indexOf("-p"), start.options); // before the main class
        Path arguments = state.run().resolve(name + ".args");
        Files.write(arguments, lines);
        Spawn.Builder spawn = Spawn.newBuilder().setProcess(name).setRestart(start.restart);
        if (start.cpu >= 0) {
            spawn.setExecutable("/usr/bin/taskset")
                    .addArguments("taskset")
                    .addArguments("--cpu-list")
                    .addArguments(Integer.toString(start.cpu))
                    .addArguments(java);
        } else {
            spawn.setExecutable(java).addArguments("niter-" + name);
        }
        return spawn.addArguments("@" + arguments)
                .addArguments("--state")
                .addArguments(state.root().toString())
                .setLogFile(state.log(name).toString())
                .build();
    }

    StateDirectory state() {
        return state;
    }

    /** Asks the card and waits for its answer; an IOException where it refuses. */
    FromCard ask(ToCard.Builder request) throws IOException {
        card.send(request.setId(++asked).build());
        FromCard answer = receive();
        while (answer.getId() != asked) {
            answer = receive(); // an event
        }
        if (answer.hasFailed()) {
            throw new IOException("the card refuses: " + answer.getFailed().getMessage());
        }
        return answer;
    }

    private FromCard receive() throws IOException {
        ControlChannel.@Nullable Received<FromCard> received = card.receive(FromCard.parser());
        if (received == null) {
            throw new IOException("the card has ended: " + Files.readString(state.log(name)));
        }
        received.discard();
        return received.message();
    }

    /** The card as the keeper has it in its table; pid 0 while it does not run. */
    Process process() throws IOException {
        return row(name);
    }

    int keeperPid() throws IOException {
        return row(KEEPER).getPid();
    }

    private Process row(String wanted) throws IOException {
        return keeper.processes().stream()
                .filter(process -> process.getName().equals(wanted))
                .findFirst()
                .orElseThrow(() -> new IOException("the keeper knows no " + wanted));
    }

    /** How many descriptors a keeper has that its clients gave it, and connections to them. */
    static int held(int keeperPid) throws IOException {
        int count = 0;
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(Path.of("/proc/" + keeperPid + "/fd"))) {
            for (Path file : files) {
                String target = Files.readSymbolicLink(file).toString();
                boolean given =
                        target.startsWith("/memfd:")
                                || target.startsWith("socket:")
                                || target.equals("anon_inode:[eventfd]");
                count += given ? 1 : 0;
            }
        }
        return count;
    }

    /** Ends the card, then its keeper, and waits until each is gone. */
    @Override
    public void close() throws IOException {
        card.close();
        int pid = keeperPid();
        keeper.kill(name, Signals.SIGTERM, true);
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (keeper.processes().stream().anyMatch(one -> one.getName().equals(name))) {
            pause(end, name);
        }
        keeper.shutDown();
        keeper.close();
        while (isRunning(pid)) {
            pause(end, KEEPER);
        }
    }

    private void pause(long end, String who) throws IOException {
        if (System.nanoTime() > end) {
            throw new IOException("%s of %s does not end".formatted(who, state));
        }
        LockSupport.parkNanos(PAUSE_NANOS);
    }

    /** False for a zombie, too: it may be anybody's child. */
    static boolean isRunning(int pid) throws IOException {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
        } catch (NoSuchFileException e) {
            return false;
        }
    }
}
