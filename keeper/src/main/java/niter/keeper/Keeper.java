package niter.keeper;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import niter.controller.control.ControlChannel;
import niter.controller.control.MetricsText;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.Done;
import niter.controller.control.protocol.Exited;
import niter.controller.control.protocol.Failed;
import niter.controller.control.protocol.FromKeeper;
import niter.controller.control.protocol.Given;
import niter.controller.control.protocol.Hello;
import niter.controller.control.protocol.KeeperEvent;
import niter.controller.control.protocol.KeeperEvents;
import niter.controller.control.protocol.Kill;
import niter.controller.control.protocol.Process;
import niter.controller.control.protocol.Processes;
import niter.controller.control.protocol.Served;
import niter.controller.control.protocol.Spawn;
import niter.controller.control.protocol.Spawned;
import niter.controller.control.protocol.ToKeeper;
import niter.linux.Descriptor;
import niter.linux.Failpoint;
import niter.linux.LinuxException;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * The keeper at work: answers the control channel, starts what ends, holds descriptors. One thread
 * does it all, in {@link #run}.
 */
final class Keeper implements AutoCloseable, Connection.Handler {
    private static final System.Logger LOG = System.getLogger(Keeper.class.getName());
    private static final int PROTOCOL_VERSION = 1;
    private static final int METRICS_SECONDS = 1;
    private static final int BACKLOG = 64;
    private static final int MAX_CONNECTIONS = 256;
    private static final long ACCEPT_PAUSE_NANOS = 1_000_000_000L;
    private static final long LOGS_NANOS = 10_000_000_000L; // a log may grow that long

    private final StateDirectory state;
    private final Output output;
    private final Loop loop = new Loop();
    private final DescriptorStore store = new DescriptorStore();
    private final Set<Connection> connections = new HashSet<>();
    private final TableFile file;
    private final ProcessTable table;
    private final Descriptor listener;
    private final int uid;
    private final long startedUnixMs = System.currentTimeMillis();
    private long listening;

    /**
     * Takes over from the last keeper of this directory and listens.
     *
     * @param output told when the controller serves
     * @throws IOException with one line, if the last keeper's table cannot be read
     */
    Keeper(StateDirectory state, Output output) throws IOException {
        this.state = state;
        this.output = output;
        uid = (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        file = new TableFile(state.run(), Proc.bootId());
        table = new ProcessTable(loop, new Launcher(state.root()), file, this::exited);
        var rows = file.read();
        if (rows.isEmpty()) { // nothing is left of what was being stopped, if only by a reboot
            Files.deleteIfExists(state.downMark());
        }
        // Before what is restarted looks for it.
        listener = UnixSocket.listen(state.keeperSocket(), UnixSocket.Type.SEQPACKET, BACKLOG);
        UnixSocket.setNonBlocking(listener.number(), true);
        listening = loop.watch(listener, this::accept);
        if (!rows.isEmpty()) {
            file.note(ofKeeper());
        }
        table.adopt(rows);
    }

    /** The keeper before us was killed: who shuts down leaves no table. */
    private static KeeperEvent ofKeeper() {
        return KeeperEvent.newBuilder()
                .setExited(
                        Exited.newBuilder()
                                .setProcess(KeeperMain.KEEPER)
                                .setExitStatus(-1)
                                .setRestarting(true)
                                .setUnixMs(System.currentTimeMillis()))
                .build();
    }

    /** Adds what there is of processes. Any thread but the keeper's own. */
    void measure(MetricsText text) {
        CompletableFuture<List<Process>> asked = new CompletableFuture<>();
        loop.post(() -> asked.complete(table.list()));
        for (Process process : asked.orTimeout(METRICS_SECONDS, TimeUnit.SECONDS).join()) {
            String[] label = {"process", process.getName()};
            text.gauge(
                    "niter_keeper_process_up",
                    "1 where it runs.",
                    process.getPid() > 0 ? 1 : 0,
                    label);
            text.counter(
                    "niter_keeper_restarts_total",
                    "Starts after an end.",
                    process.getRestarts(),
                    label);
            text.gauge(
                    "niter_keeper_private_bytes",
                    "Memory that ends with the process.",
                    process.getPrivateBytes(),
                    label);
        }
    }

    /** Makes sure that a process runs from the start. */
    void ensure(Spawn spec) throws RefusedException {
        table.ensure(spec);
    }

    /** Serves until it is shut down. */
    void run() {
        loop.after(LOGS_NANOS, this::boundLogs);
        loop.run();
    }

    /** Processes may run for years: their logs are kept small meanwhile. */
    private void boundLogs() {
        loop.after(LOGS_NANOS, this::boundLogs);
        for (Path log : table.logs()) {
            try {
                LogFile.bound(log);
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "{0}: {1}", log, e.getMessage());
            }
        }
        output.boundLog();
    }

    /** From any thread: as ShutDown. */
    void requestShutDown() {
        loop.post(this::shutDown);
    }

    private void shutDown() {
        LOG.log(System.Logger.Level.INFO, "shutting down");
        table.shutDown(this::allEnded);
    }

    private void allEnded() {
        try {
            Files.deleteIfExists(state.downMark());
        } catch (IOException e) {
            LOG.log(System.Logger.Level.ERROR, "{0} stays: {1}", state.downMark(), e.getMessage());
        }
        loop.stop();
    }

    private void accept() {
        try {
            @Nullable Descriptor socket = UnixSocket.accept(listener);
            while (socket != null) {
                serve(socket);
                socket = UnixSocket.accept(listener);
            }
        } catch (LinuxException e) { // no descriptor is left: later there may be
            LOG.log(System.Logger.Level.ERROR, "no connection accepted: {0}", e.getMessage());
            loop.unwatch(listening);
            loop.after(ACCEPT_PAUSE_NANOS, () -> listening = loop.watch(listener, this::accept));
        }
    }

    private void serve(Descriptor socket) {
        int peer = UnixSocket.peerUid(socket.number());
        String text = Integer.toString(peer);
        if (peer != uid || connections.size() >= MAX_CONNECTIONS) {
            LOG.log(System.Logger.Level.WARNING, "connection of user {0} refused", text);
            socket.close();
            return;
        }
        connections.add(new Connection(loop, new ControlChannel(socket), this));
    }

    @Override
    public void received(Connection from, ToKeeper message, List<Descriptor> descriptors)
            throws IOException {
        boolean kept = false;
        try {
            if (message.hasHello() != from.process().isEmpty()) {
                throw new IOException("expected Hello first, and once");
            }
            kept = message.hasHold();
            if (message.hasHello()) {
                hello(from, message.getHello());
            } else if (message.hasReplace()) {
                replace(from, message);
            } else {
                from.send(answer(from, message, descriptors).setId(message.getId()).build());
            }
        } catch (RefusedException e) {
            kept = false;
            Failed failed = Failed.newBuilder().setMessage(e.answer()).build();
            from.send(FromKeeper.newBuilder().setId(message.getId()).setFailed(failed).build());
        } finally {
            if (!kept) {
                descriptors.forEach(Descriptor::close);
            }
        }
    }

    private FromKeeper.Builder answer(
            Connection from, ToKeeper message, List<Descriptor> descriptors)
            throws RefusedException {
        if (message.getId() == 0) {
            throw new RefusedException("id: expected a number greater than 0");
        }
        FromKeeper.Builder done = FromKeeper.newBuilder().setDone(Done.getDefaultInstance());
        switch (message.getBodyCase()) {
            case HOLD -> {
                store.hold(from.process(), message.getHold().getKeysList(), descriptors);
                Failpoint.KEEPER_DESCRIPTORS_HELD.hit();
            }
            case RELEASE -> store.release(from.process(), message.getRelease().getKeysList());
            case SPAWN -> {
                int pid = table.start(message.getSpawn(), descriptors);
                return FromKeeper.newBuilder().setSpawned(Spawned.newBuilder().setPid(pid));
            }
            case KILL -> kill(message.getKill());
            case LIST_PROCESSES -> {
                return FromKeeper.newBuilder().setProcesses(processes());
            }
            case SHUT_DOWN -> loop.post(this::shutDown); // after the answer
            case WATCH -> watch(from);
            case LET_GO -> table.letGo(from.process(), from.pid());
            case SERVING -> serves(from.process(), from.pid());
            case LIST_EVENTS -> {
                return FromKeeper.newBuilder()
                        .setEvents(KeeperEvents.newBuilder().addAllEvent(file.events()));
            }
            case HELLO, REPLACE, BODY_NOT_SET ->
                    throw new RefusedException("body: expected a request");
        }
        return done;
    }

    private void hello(Connection from, Hello hello) throws RefusedException, IOException {
        if (hello.getProtocolVersion() != PROTOCOL_VERSION) {
            throw new RefusedException(
                    "protocol_version: expected 1, got " + hello.getProtocolVersion());
        }
        if (hello.getProcess().isEmpty()) {
            throw new RefusedException("process: expected a name");
        }
        from.isOf(hello.getProcess());
        if (hello.getStandby()) {
            table.standsBy(from.process(), from.pid(), () -> give(from));
        } else {
            give(from);
        }
    }

    private void give(Connection from) {
        var parts = store.parts(from.process());
        for (DescriptorStore.Part part : parts) {
            Given given =
                    Given.newBuilder()
                            .addAllKeys(part.keys())
                            .setLast(part == parts.getLast())
                            .build();
            from.send(
                    FromKeeper.newBuilder().setGiven(given).build(),
                    part.descriptors().toArray(Descriptor[]::new));
        }
    }

    /** Answers when it is known what became of it. */
    private void replace(Connection from, ToKeeper message) throws RefusedException {
        if (message.getId() == 0) {
            throw new RefusedException("id: expected a number greater than 0");
        }
        FromKeeper.Builder answer = FromKeeper.newBuilder().setId(message.getId());
        table.replace(
                message.getReplace().getSpawn(),
                new Replacement.Outcome() {
                    @Override
                    public void replaced(int pid, long pauseMs) {
                        Spawned spawned =
                                Spawned.newBuilder().setPid(pid).setPauseMs(pauseMs).build();
                        from.send(answer.setSpawned(spawned).build());
                    }

                    @Override
                    public void failed(String why) {
                        Failed failed = Failed.newBuilder().setMessage(why).build();
                        from.send(answer.setFailed(failed).build());
                    }
                });
    }

    private void watch(Connection from) {
        from.watch();
        if (from.process().equals(KeeperMain.CONTROLLER)) {
            output.ready();
        }
    }

    private void serves(String process, int pid) {
        long unixMs = System.currentTimeMillis();
        long pauseMs = table.serves(process, pid, unixMs);
        if (pauseMs < 0) {
            return;
        }
        Served served =
                Served.newBuilder()
                        .setProcess(process)
                        .setPid(table.pid(process))
                        .setUnixMs(unixMs)
                        .setPauseMs(pauseMs)
                        .build();
        file.note(KeeperEvent.newBuilder().setServed(served).build());
        table.save();
        tell(FromKeeper.newBuilder().setServed(served).build());
    }

    private void kill(Kill kill) throws RefusedException {
        table.kill(kill.getProcess(), kill.getSignal(), kill.getForget());
        if (kill.getForget()) {
            dropUnkept(kill.getProcess());
        }
    }

    private Processes processes() {
        int pid = (int) ProcessHandle.current().pid();
        Process self =
                Process.newBuilder()
                        .setName(KeeperMain.KEEPER)
                        .setPid(pid)
                        .setStartedUnixMs(startedUnixMs)
                        .setPrivateBytes(Proc.privateBytes(pid))
                        .build();
        return Processes.newBuilder().addProcess(self).addAllProcess(table.list()).build();
    }

    private void exited(Exited event) {
        if (!event.getRestarting()) {
            store.drop(event.getProcess());
        }
        output.boundLog();
        file.note(KeeperEvent.newBuilder().setExited(event).build());
        tell(FromKeeper.newBuilder().setExited(event).build());
    }

    private void tell(FromKeeper message) {
        for (Connection connection : Set.copyOf(connections)) {
            if (connection.isWatching()) {
                connection.send(message);
            }
        }
    }

    @Override
    public void ended(Connection connection) {
        connections.remove(connection);
        dropUnkept(connection.process());
    }

    /** A process outside the table keeps its descriptors only while it is connected. */
    private void dropUnkept(String process) {
        boolean connected = connections.stream().anyMatch(one -> one.process().equals(process));
        if (!connected && !table.keepsDescriptorsOf(process)) {
            store.drop(process);
        }
    }

    /** Removes its traces, unless something still runs that the next keeper must find. */
    @Override
    public void close() throws IOException {
        loop.unwatch(listening);
        listener.close(); // first: who is cut off finds nobody here
        Set.copyOf(connections).forEach(Connection::close);
        if (table.isIdle()) {
            removeTraces();
        }
        store.close();
        loop.close();
    }

    private void removeTraces() throws IOException {
        try (DirectoryStream<Path> sockets = Files.newDirectoryStream(state.run(), "*.sock")) {
            for (Path socket : sockets) {
                Files.deleteIfExists(socket);
            }
        }
        file.remove();
    }
}
