package niter.controller.control;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import niter.controller.control.protocol.Exited;
import niter.controller.control.protocol.Hold;
import niter.controller.control.protocol.KeeperEvent;
import niter.controller.control.protocol.Kill;
import niter.controller.control.protocol.LetGo;
import niter.controller.control.protocol.ListEvents;
import niter.controller.control.protocol.ListProcesses;
import niter.controller.control.protocol.Process;
import niter.controller.control.protocol.Release;
import niter.controller.control.protocol.Replace;
import niter.controller.control.protocol.Serving;
import niter.controller.control.protocol.ShutDown;
import niter.controller.control.protocol.Spawn;
import niter.controller.control.protocol.ToKeeper;
import niter.controller.control.protocol.Watch;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/**
 * A process's connection to the keeper. Where the keeper dies, this connects to its successor in
 * the background and first gives back all that was held; requests wait meanwhile, {@value
 * KeeperSession#PATIENCE_MILLIS} ms at most. Safe for use by several threads, platform threads.
 */
public final class KeeperClient implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(KeeperClient.class.getName());

    /** More than a keeper takes until it gives up. */
    private static final long REPLACE_MILLIS = 60_000;

    private final HeldDescriptors held = new HeldDescriptors();
    private final Map<String, Descriptor> given;
    private final KeeperSession session;

    private KeeperClient(KeeperSession.Link link) throws IOException {
        session = new KeeperSession(link, held);
        given = session.start();
    }

    /** Connects; no one is started where no keeper listens. */
    public static KeeperClient connect(Path socket, String process) throws IOException {
        return connect(socket, process, () -> {});
    }

    /**
     * Connects, says Hello and takes what was held.
     *
     * @param process name in the keeper's table, "ebs"
     * @param away called again and again while no keeper listens: {@link KeeperStarter#start} where
     *     this process is the one to start it
     * @throws IOException if no keeper answered in time
     */
    public static KeeperClient connect(Path socket, String process, Runnable away)
            throws IOException {
        return new KeeperClient(new KeeperSession.Link(socket, process, away, false));
    }

    /**
     * As {@link #connect(Path, String, Runnable)}. Where the keeper has started this process to
     * replace one of its name, this returns when the other has let go of what was held.
     *
     * @throws IOException if that keeper is gone before: the other goes on
     */
    public static KeeperClient connectInTurn(Path socket, String process, Runnable away)
            throws IOException {
        return new KeeperClient(new KeeperSession.Link(socket, process, away, replaces()));
    }

    /**
     * Whether the keeper has started this process to replace one of its name, which it starts again
     * if this one ends before it says that it serves.
     */
    public static boolean replaces() {
        return System.getenv(KeeperStarter.STANDBY) != null;
    }

    /** What this process held before it was restarted, by key. The caller closes them. */
    public Map<String, Descriptor> given() {
        return given;
    }

    /**
     * Has the keeper hold a duplicate of each descriptor; the same key again replaces. When this
     * returns they survive the death of this process. After an exception they are held as soon as a
     * keeper is there.
     *
     * @param byKey open descriptors, which stay the caller's: it may close them at any time after
     */
    public void hold(Map<String, Descriptor> byKey) throws IOException {
        held.put(byKey);
        List<String> keys = new ArrayList<>(byKey.keySet());
        for (List<String> some : HeldDescriptors.packets(keys)) {
            Descriptor[] beside = some.stream().map(byKey::get).toArray(Descriptor[]::new);
            session.ask(
                    ToKeeper.newBuilder().setHold(Hold.newBuilder().addAllKeys(some)),
                    true,
                    beside);
        }
    }

    /** Lets go. A key that ends in "/" means everything below it. */
    public void release(String... keys) throws IOException {
        List<String> all = Arrays.asList(keys);
        held.remove(all);
        session.ask(ToKeeper.newBuilder().setRelease(Release.newBuilder().addAllKeys(all)), true);
    }

    /**
     * Starts a process, which outlives this one.
     *
     * @param inherit become 3, 4, … in it; only with RESTART_NEVER
     * @return its pid
     * @throws KeeperRefusedException if one of that name runs, or it cannot be started
     * @throws IOException if the keeper died meanwhile: {@link #processes} tells whether it runs
     */
    public int spawn(Spawn spawn, Descriptor... inherit) throws IOException {
        return session.ask(ToKeeper.newBuilder().setSpawn(spawn), false, inherit)
                .getSpawned()
                .getPid();
    }

    /**
     * Puts another process in the place of one that runs, and waits until it serves.
     *
     * @return the pause in milliseconds
     * @throws KeeperRefusedException if it could not be started, was not ready or did not serve:
     *     the one that ran serves
     * @throws IOException if the keeper died meanwhile: {@link #processes} tells what runs
     */
    public long replace(Spawn spawn) throws IOException {
        return session.ask(
                        ToKeeper.newBuilder().setReplace(Replace.newBuilder().setSpawn(spawn)),
                        REPLACE_MILLIS)
                .getSpawned()
                .getPauseMs();
    }

    /**
     * Sends a signal to a process of the table.
     *
     * @param forget do not restart it, and drop what it held once it has ended; a process that is
     *     not there is then no error
     */
    public void kill(String process, int signal, boolean forget) throws IOException {
        Kill kill =
                Kill.newBuilder().setProcess(process).setSignal(signal).setForget(forget).build();
        session.ask(ToKeeper.newBuilder().setKill(kill), true);
    }

    /** The keeper's table. */
    public List<Process> processes() throws IOException {
        return session.ask(
                        ToKeeper.newBuilder().setListProcesses(ListProcesses.getDefaultInstance()),
                        true)
                .getProcesses()
                .getProcessList();
    }

    /** The latest events of all processes, the oldest first: ends, and ends of pauses. */
    public List<KeeperEvent> events() throws IOException {
        return session.ask(
                        ToKeeper.newBuilder().setListEvents(ListEvents.getDefaultInstance()), true)
                .getEvents()
                .getEventList();
    }

    /**
     * How the latest process of a number ended; null where that is not remembered, or nobody saw
     * how.
     */
    public @Nullable Exited endOf(int pid) throws IOException {
        @Nullable Exited found = null;
        for (KeeperEvent event : events()) {
            Exited end = event.getExited();
            boolean seen = end.getSignal() != 0 || end.getExitStatus() >= 0;
            if (event.hasExited() && end.getPid() == pid && seen) {
                found = end;
            }
        }
        return found;
    }

    /**
     * Says that this process serves again what the one of its name before it served: the pause is
     * over. What fails is logged; it is only told.
     */
    public void serving() {
        try {
            session.ask(ToKeeper.newBuilder().setServing(Serving.getDefaultInstance()), true);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "not told that it serves: {0}", e.getMessage());
        }
    }

    /**
     * Says that this process touches nothing of what it holds any more, the last that it does.
     * Where another is to take its place the keeper ends this one in here; else this returns when a
     * keeper has everything, so that this process may end.
     */
    public void letGo() {
        try {
            session.ask(ToKeeper.newBuilder().setLetGo(LetGo.getDefaultInstance()), true);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "not told that it lets go: {0}", e.getMessage());
        }
    }

    /** As the other, for ends alone, where lost ones do not matter. */
    public void watch(Consumer<Exited> exited) throws IOException {
        watch(
                event -> {
                    if (event.hasExited()) {
                        exited.accept(event.getExited());
                    }
                },
                () -> {});
    }

    /**
     * Asks for the events of every process. Both are called on one thread of their own, in order,
     * and may use this client.
     *
     * @param lost called after each reconnection: ends may have gone unseen, {@link #processes}
     *     tells
     */
    public void watch(Consumer<KeeperEvent> events, Runnable lost) throws IOException {
        Executor thread =
                Executors.newSingleThreadExecutor(
                        task -> Thread.ofPlatform().daemon().name("keeper-events").unstarted(task));
        session.watch(
                event -> thread.execute(() -> events.accept(event)), () -> thread.execute(lost));
        session.ask(ToKeeper.newBuilder().setWatch(Watch.getDefaultInstance()), true);
    }

    /** Ends every process of the table, this one too if it is in it, and the keeper. */
    public void shutDown() throws IOException {
        session.ask(ToKeeper.newBuilder().setShutDown(ShutDown.getDefaultInstance()), false);
    }

    /** Ends the connection; the keeper goes on holding. */
    @Override
    public void close() {
        session.close();
        held.close();
    }
}
