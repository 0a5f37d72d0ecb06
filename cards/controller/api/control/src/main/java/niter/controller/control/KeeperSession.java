package niter.controller.control;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import niter.controller.control.protocol.FromKeeper;
import niter.controller.control.protocol.Given;
import niter.controller.control.protocol.Hello;
import niter.controller.control.protocol.Hold;
import niter.controller.control.protocol.KeeperEvent;
import niter.controller.control.protocol.Release;
import niter.controller.control.protocol.ToKeeper;
import niter.controller.control.protocol.Watch;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/**
 * The connection under {@link KeeperClient}: requests and their answers, and one thread that
 * receives and, when the keeper is gone, connects again.
 *
 * <pre>
 * connect → Hello → Given… → what is held → Watch → open for requests → end → connect …
 * </pre>
 */
final class KeeperSession implements AutoCloseable {
    /** How long a request waits for a keeper and its answer. QEMU gives a card five seconds. */
    static final int PATIENCE_MILLIS = 3000;

    private static final System.Logger LOG = System.getLogger(KeeperSession.class.getName());
    private static final int PROTOCOL_VERSION = 1;
    private static final int RETRY_MILLIS = 20;
    private static final int SLOW_RETRY_MILLIS = 500;
    private static final int QUICK_RETRIES = 500;

    private final Link link;
    private final HeldDescriptors held;
    private final PendingAnswers answers = new PendingAnswers();
    private @Nullable ControlChannel connected; // from connect to end: for close() to interrupt
    private @Nullable ControlChannel open; // while requests may be sent
    private @Nullable Consumer<KeeperEvent> watcher;
    private @Nullable Runnable lost;
    private boolean closed;

    /** Where and as whom to connect, first as a standby; what to do while nobody listens. */
    record Link(Path socket, String process, Runnable away, boolean standby) {}

    KeeperSession(Link link, HeldDescriptors held) {
        this.link = link;
        this.held = held;
    }

    /** Connects for the first time; what the keeper gives is held from now on. */
    Map<String, Descriptor> start() throws IOException {
        Map<String, Descriptor> given = new LinkedHashMap<>();
        ControlChannel channel = firstConnection();
        try {
            hello(channel, given, link.standby);
            held.put(given);
        } catch (IOException e) {
            given.values().forEach(Descriptor::close);
            channel.close();
            throw e;
        }
        open(channel);
        Thread.ofPlatform().daemon().name("keeper-client").start(() -> run(channel));
        return given;
    }

    private ControlChannel firstConnection() throws IOException {
        long deadline = deadline();
        while (true) {
            try {
                return connectOnce();
            } catch (IOException e) {
                link.away.run();
                if (remainingMillis(deadline) <= 0) {
                    throw e;
                }
                pause(RETRY_MILLIS);
            }
        }
    }

    private ControlChannel connectOnce() throws IOException {
        ControlChannel channel = ControlChannel.connect(link.socket);
        synchronized (this) {
            if (closed) {
                channel.close();
                throw closedException();
            }
            connected = channel;
        }
        return channel;
    }

    /** Body of the thread. */
    private void run(ControlChannel first) {
        @Nullable ControlChannel channel = first;
        while (channel != null) {
            serve(channel);
            end(channel);
            channel = reconnect();
        }
    }

    private void serve(ControlChannel channel) {
        try {
            while (true) {
                dispatch(receive(channel));
            }
        } catch (EOFException e) {
            if (!isClosed()) {
                LOG.log(System.Logger.Level.INFO, "keeper is gone");
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "keeper: {0}", e.getMessage());
        }
    }

    /** The next keeper, with everything given back; null after close. */
    private @Nullable ControlChannel reconnect() {
        for (int attempt = 0; !isClosed(); attempt++) {
            @Nullable ControlChannel channel = null;
            try {
                channel = connectOnce();
            } catch (IOException e) {
                link.away.run();
            }
            if (channel != null) {
                try {
                    giveBack(channel);
                    open(channel);
                    return channel;
                } catch (IOException e) {
                    LOG.log(System.Logger.Level.WARNING, "next keeper: {0}", e.getMessage());
                    end(channel);
                }
            }
            pause(attempt < QUICK_RETRIES ? RETRY_MILLIS : SLOW_RETRY_MILLIS);
        }
        return null;
    }

    private void giveBack(ControlChannel channel) throws IOException {
        Map<String, Descriptor> given = new LinkedHashMap<>();
        try {
            hello(channel, given, false);
        } finally {
            given.values().forEach(Descriptor::close); // the same files are here already
        }
        List<String> released = given.keySet().stream().filter(key -> !held.contains(key)).toList();
        if (!released.isEmpty()) {
            Release release = Release.newBuilder().addAllKeys(released).build();
            askNow(channel, ToKeeper.newBuilder().setRelease(release));
        }
        List<String> keys = held.keys();
        for (List<String> some : HeldDescriptors.packets(keys)) {
            try (HeldDescriptors.Packet packet = held.packet(some)) {
                askNow(
                        channel,
                        ToKeeper.newBuilder().setHold(Hold.newBuilder().addAllKeys(packet.keys())),
                        packet.descriptors().toArray(Descriptor[]::new));
            }
        }
        @Nullable Runnable notify = lost();
        if (notify != null) {
            askNow(channel, ToKeeper.newBuilder().setWatch(Watch.getDefaultInstance()));
            notify.run();
        }
        LOG.log(
                System.Logger.Level.INFO,
                "gave {0} descriptors to the next keeper",
                Integer.toString(keys.size()));
    }

    private void hello(ControlChannel channel, Map<String, Descriptor> given, boolean standby)
            throws IOException {
        Hello hello =
                Hello.newBuilder()
                        .setProcess(link.process)
                        .setProtocolVersion(PROTOCOL_VERSION)
                        .setStandby(standby)
                        .build();
        channel.send(ToKeeper.newBuilder().setHello(hello).build());
        boolean last = false;
        while (!last) {
            var received = receive(channel);
            if (received.message().hasFailed()) {
                received.discard();
                throw new KeeperRefusedException(received.message().getFailed().getMessage());
            }
            last = take(received, given);
        }
    }

    private static boolean take(
            ControlChannel.Received<FromKeeper> received, Map<String, Descriptor> given)
            throws IOException {
        Given part = received.message().getGiven();
        List<Descriptor> descriptors = received.descriptors();
        if (!received.message().hasGiven() || part.getKeysCount() != descriptors.size()) {
            received.discard();
            throw new IOException("expected Given with one descriptor per key");
        }
        for (int i = 0; i < descriptors.size(); i++) {
            given.put(part.getKeys(i), descriptors.get(i));
        }
        return part.getLast();
    }

    /** A request of this thread's own, before the channel is open to others. */
    private void askNow(ControlChannel channel, ToKeeper.Builder request, Descriptor... beside)
            throws IOException {
        long id = answers.nextId();
        channel.send(request.setId(id).build(), beside);
        while (true) {
            var received = receive(channel);
            if (received.message().getId() == id) {
                received.discard();
                answerOrThrow(received.message());
                return;
            }
            dispatch(received);
        }
    }

    /**
     * A request and its answer.
     *
     * @param repeatable whether it may be asked again where the keeper died before it answered
     */
    FromKeeper ask(ToKeeper.Builder request, boolean repeatable, Descriptor... beside)
            throws IOException {
        return ask(request, repeatable, PATIENCE_MILLIS, beside);
    }

    /** A request that must not be asked again, and whose answer takes as long as it takes. */
    FromKeeper ask(ToKeeper.Builder request, long patienceMillis) throws IOException {
        return ask(request, false, patienceMillis);
    }

    private FromKeeper ask(
            ToKeeper.Builder request, boolean repeatable, long patienceMillis, Descriptor... beside)
            throws IOException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(patienceMillis);
        @Nullable ControlChannel failed = null;
        while (true) {
            ControlChannel channel = channel(failed, deadline);
            try (PendingAnswers.Pending pending = answers.register()) {
                channel.send(request.setId(pending.id()).build(), beside);
                return answerOrThrow(pending.await(remainingMillis(deadline)));
            } catch (KeeperRefusedException e) {
                throw e;
            } catch (IOException e) {
                if (!repeatable || remainingMillis(deadline) <= 0) {
                    throw e;
                }
                failed = channel;
            }
        }
    }

    /** Waits until requests may be sent, on another channel than the one that failed. */
    private synchronized ControlChannel channel(@Nullable ControlChannel failed, long deadline)
            throws IOException {
        while (!closed && (open == null || open == failed)) {
            long millis = remainingMillis(deadline);
            if (millis <= 0) {
                throw new IOException(
                        link.socket + ": no keeper within " + PATIENCE_MILLIS + " ms");
            }
            waitFor(millis);
        }
        @Nullable ControlChannel channel = open;
        if (closed || channel == null) {
            throw closedException();
        }
        return channel;
    }

    private static FromKeeper answerOrThrow(FromKeeper answer) throws KeeperRefusedException {
        if (answer.hasFailed()) {
            throw new KeeperRefusedException(answer.getFailed().getMessage());
        }
        return answer;
    }

    private static ControlChannel.Received<FromKeeper> receive(ControlChannel channel)
            throws IOException {
        var received = channel.receive(FromKeeper.parser());
        if (received == null) {
            throw new EOFException("keeper is gone");
        }
        return received;
    }

    private void dispatch(ControlChannel.Received<FromKeeper> received) {
        received.discard(); // only Given brings descriptors
        FromKeeper message = received.message();
        if (message.hasExited()) {
            tell(KeeperEvent.newBuilder().setExited(message.getExited()).build());
        } else if (message.hasServed()) {
            tell(KeeperEvent.newBuilder().setServed(message.getServed()).build());
        } else {
            answers.complete(message);
        }
    }

    private void tell(KeeperEvent event) {
        @Nullable Consumer<KeeperEvent> told = watcher();
        if (told != null) {
            told.accept(event);
        }
    }

    private synchronized @Nullable Consumer<KeeperEvent> watcher() {
        return watcher;
    }

    private synchronized @Nullable Runnable lost() {
        return lost;
    }

    synchronized void watch(Consumer<KeeperEvent> watcher, Runnable lost) {
        this.watcher = watcher;
        this.lost = lost;
    }

    private synchronized void open(ControlChannel channel) {
        open = channel;
        notifyAll();
    }

    private void end(ControlChannel channel) {
        synchronized (this) {
            open = null;
            connected = null;
        }
        channel.close(); // from here on nobody can send
        answers.fail();
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    private synchronized void pause(long millis) {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        try {
            while (!closed && remainingMillis(deadline) > 0) {
                waitFor(remainingMillis(deadline));
            }
        } catch (IOException e) {
            closed = true; // interrupted: nobody but close() means to
        }
    }

    private void waitFor(long millis) throws IOException {
        try {
            wait(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private static long deadline() {
        return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS);
    }

    private static long remainingMillis(long deadline) {
        return TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
    }

    private static IOException closedException() {
        return new IOException("the connection to the keeper is closed");
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (connected != null) {
            connected.close(); // which wakes the thread
        }
        notifyAll();
    }
}
