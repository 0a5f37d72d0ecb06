package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.Failpoint;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Core} does for a function: messages first, then the device's queues. It accepts one
 * client at a time; the next one waits in the listener's backlog.
 *
 * <p>An exception is our bug: it ends this function and its client's connection (better an instance
 * that stops with a reason than one that hangs); the others of the card go on. An {@link Error} is
 * the process's, which a successor follows: see {@link Core} and {@link ServiceMark}.
 */
final class FunctionLoop implements Function {
    private static final System.Logger LOG = System.getLogger(FunctionLoop.class.getName());
    private static final int BUDGET = 64;

    // Epoll tokens.
    private static final long LISTENER = 1;
    private static final long CONNECTION = 2;
    private static final long DEVICE = 3;

    /** The descriptors that the loop begins with; it owns them. */
    record Sockets(Descriptor listener, @Nullable Descriptor connection) {}

    private final String id;
    private final Device device;
    private final FunctionSegment segment;
    private final @Nullable Descriptor given; // the connection that the loop begins with
    private final Escrow escrow;
    private final HeldDescriptors descriptors;
    private final boolean takenOver;
    private final FunctionShape shape;
    private final DmaTable dma;
    private final Vectors vectors;
    private final Regions regions;
    private final Requests requests;
    private final ServiceMark mark;
    private final AtomicLong interrupts = new AtomicLong(); // the function's thread counts, opaque
    private final Epoll epoll = new Epoll();
    private final LogRation ofGuest = new LogRation(System::nanoTime); // the function's thread
    private final LogRation ofClient = new LogRation(System::nanoTime); // the function's thread
    private final Listener listener;
    private final long[] tokens = new long[Epoll.MAX_EVENTS];
    private volatile boolean stopping;
    private volatile boolean removing;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final CompletableFuture<RuntimeException> failure = new CompletableFuture<>();
    private volatile @Nullable MessageStream stream; // for remove(): another thread shuts it down
    private @Nullable Client client; // the function's thread
    private long token; // the function's thread
    private Turns turns = new Turns(); // the function's thread; the core's from the start on
    private boolean connectionWatched; // the function's thread

    FunctionLoop(
            String id,
            Device device,
            FunctionSegment segment,
            Sockets sockets,
            Escrow escrow,
            HeldDescriptors descriptors,
            boolean takenOver) {
        this.id = id;
        this.device = device;
        this.segment = segment;
        given = sockets.connection();
        this.escrow = escrow;
        this.descriptors = descriptors;
        this.takenOver = takenOver;
        listener =
                new Listener(
                        id,
                        sockets.listener(),
                        escrow,
                        ofClient,
                        epoll,
                        LISTENER,
                        System::nanoTime);
        shape = device.shape();
        dma = new DmaTable(id, segment, descriptors, ofClient);
        vectors = new Vectors(id, segment, descriptors, ofClient);
        regions = new Regions(shape, segment, new ConfigSpace(shape), vectors, device);
        requests = new Requests(shape, segment, dma, vectors, regions);
        mark = new ServiceMark(segment.liveState());
    }

    /** Ends the loop and the client's connection; any thread may call it, and wakes the core. */
    void remove() {
        removing = true;
        MessageStream connected = stream;
        if (connected != null) {
            connected.shutDown();
        }
        detach();
    }

    /** Ends the loop between two messages, for a successor to go on; as {@link #remove}. */
    void detach() {
        stopping = true;
    }

    /** Whether the core is to end it now. */
    boolean isToEnd() {
        return stopping;
    }

    /** Whether the loop has ended, asked to or not. */
    boolean isOver() {
        return ended.getCount() == 0;
    }

    /** Waits until it is over. */
    void awaitEnd() throws InterruptedException {
        ended.await();
    }

    /** How often the device fired a vector. Any thread. */
    long interrupts() {
        return interrupts.getOpaque();
    }

    /** Readable when there are events. */
    Descriptor descriptor() {
        return epoll.descriptor();
    }

    /** What the core knows it by. */
    long token() {
        return token;
    }

    /**
     * Begins, or goes on where another process stopped.
     *
     * @param of the core's
     */
    void start(long number, Turns of) {
        token = number;
        turns = of;
        turns.begin(mark);
        try {
            prepare();
        } catch (RuntimeException e) {
            fail(e);
        } catch (Error e) {
            throw ends(e);
        } finally {
            turns.end();
        }
    }

    /** Runs the device's queues; the amount of work done. */
    int poll() {
        turns.begin(mark);
        try {
            return stopping ? 0 : device.poll(BUDGET);
        } catch (RuntimeException e) {
            fail(e);
            return 1; // look again at once: it is to end
        } catch (Error e) {
            throw ends(e);
        } finally {
            turns.end();
        }
    }

    /** Arms the device's wake-ups; false where work turned up meanwhile. */
    boolean arm() {
        turns.begin(mark);
        try {
            return !stopping && device.arm();
        } catch (RuntimeException e) {
            fail(e);
            return false;
        } catch (Error e) {
            throw ends(e);
        } finally {
            turns.end();
        }
    }

    /** How long nothing need be done without an event. */
    long sleepNanos() {
        if (stopping) {
            return 0;
        }
        long nanos = vectors.isHeldUp() ? Client.LOOK_AGAIN_NANOS : device.nextDeadlineNanos();
        return Math.min(nanos, client == null ? listener.sleepNanos() : client.lookAgainNanos());
    }

    /**
     * Serves what has arrived, a turn of it.
     *
     * @param ready whether the descriptor is readable
     */
    void events(boolean ready) {
        boolean inside = client != null && client.isInsideMessage();
        if (!stopping && vectors.isHeldUp()) {
            vectors.firePending(regions.isBusMaster());
        }
        listener.lookAgain();
        if (stopping || !ready && !inside) {
            return;
        }
        turns.begin(mark);
        try {
            int count = ready ? epoll.await(0, tokens) : 0;
            for (int i = 0; i < count; i++) {
                if (tokens[i] == LISTENER) {
                    accept();
                }
            }
            if (client != null && (inside || isReady(count, CONNECTION))) {
                serve(client, Client.TURN_BYTES);
            }
        } catch (RuntimeException e) {
            fail(e);
        } catch (Error e) {
            throw ends(e);
        } finally {
            turns.end();
        }
    }

    /** The core ends it before it sleeps. */
    @Override
    public void fail(RuntimeException bug) {
        if (failure.complete(bug)) {
            LOG.log(System.Logger.Level.ERROR, id + ": out of service", bug);
        }
        removing = true;
        stopping = true;
    }

    /** Completes on the core's thread, with what ended the function, if anything ever does. */
    CompletableFuture<RuntimeException> failure() {
        return failure;
    }

    private void prepare() {
        Descriptor connection = given;
        if (mark.isAbandoned()) {
            LOG.log(System.Logger.Level.ERROR, "{0}: abandoned: it ends what serves it", id);
            abandon(connection);
            return;
        }
        dma.refresh();
        vectors.refresh();
        device.attach(this, takenOver);
        if (mark.isOutOfService()) {
            LOG.log(System.Logger.Level.ERROR, "{0}: out of service: it ended two processes", id);
            device.outOfService("it ended two processes");
        }
        if (connection == null) {
            if (segment.isConnected()) {
                endConnection(); // it ended together with the process that served it
            }
        } else if (segment.isConnected()) {
            resume(connection);
        } else {
            begin(connection); // accepted, and then the process ended
        }
        listener.want(client == null);
    }

    /** Its client hears of an end; nothing else of the function is touched. */
    private void abandon(@Nullable Descriptor connection) {
        stopping = true;
        if (connection != null) {
            UnixSocket.shutdown(connection.number());
            connection.close();
        }
    }

    private boolean isReady(int count, long token) {
        for (int i = 0; i < count; i++) {
            if (tokens[i] == token) {
                return true;
            }
        }
        return false;
    }

    private void serve(Client served, int bytes) {
        if (!served.serve(bytes)) {
            endConnection();
            return;
        }
        // While only a part of a message is there, readable means nothing: look by the clock.
        boolean watch = !served.isInsideMessage();
        if (watch != connectionWatched) {
            watchConnection(served.stream(), watch);
        }
    }

    private void watchConnection(MessageStream connection, boolean watch) {
        if (watch) {
            epoll.add(connection.descriptor(), CONNECTION);
        } else {
            epoll.remove(connection.descriptor());
        }
        connectionWatched = watch;
    }

    private void accept() {
        Descriptor connection = listener.accept();
        if (connection != null) {
            Failpoint.CONNECTION_HELD.hit();
            begin(connection);
            listener.want(false);
        }
    }

    private void begin(Descriptor connection) {
        segment.begin();
        MessageStream.stageNew(segment);
        segment.commit();
        MessageStream opened = new MessageStream(connection, segment);
        opened.startCounting();
        use(opened);
        ofClient.log(LOG, System.Logger.Level.INFO, "{0}: client connected", id);
    }

    private void resume(Descriptor connection) {
        MessageStream taken = new MessageStream(connection, segment);
        boolean alive = taken.takeOver();
        Failpoint.CONNECTION_TAKEN_OVER.hit();
        use(taken);
        if (!alive) {
            endConnection();
            return;
        }
        vectors.firePending(regions.isBusMaster());
        descriptors.keepOnly(token -> dma.refersTo(token) || vectors.refersTo(token));
        LOG.log(System.Logger.Level.INFO, "{0}: connection taken over", id);
        if (client != null) {
            serve(client, Client.ALL_BYTES); // messages are drained before queues run
        }
    }

    private void use(MessageStream used) {
        stream = used;
        client =
                new Client(
                        id,
                        segment,
                        used,
                        descriptors,
                        device,
                        dma,
                        vectors,
                        regions,
                        requests,
                        ofClient);
        watchConnection(used, true);
        vectors.connect(used.descriptor());
    }

    /** The client is gone: the function goes back to its power-on state and listens again. */
    private void endConnection() {
        device.quiesce();
        segment.begin();
        regions.reset();
        dma.unmapAll();
        vectors.clear();
        segment.stagedSlot().set(JAVA_INT, SegmentLayout.CONNECTED, 0);
        segment.commit();
        mark.forgive();
        dma.refresh();
        vectors.refresh();
        device.dmaMapChanged();
        descriptors.keepOnly(token -> false);
        vectors.connect(-1);
        MessageStream ended = stream;
        stream = null;
        if (ended != null) {
            if (connectionWatched) {
                watchConnection(ended, false);
            }
            ended.shutDown();
            ended.close();
        }
        client = null;
        try {
            escrow.release(FunctionServer.CONNECTION);
        } catch (IOException e) {
            ofClient.log(
                    LOG, System.Logger.Level.WARNING, "{0}: not released: {1}", id, e.getMessage());
        }
        ofClient.log(LOG, System.Logger.Level.INFO, "{0}: client gone", id);
        listener.want(true);
    }

    /** Releases everything; the state stays in its segment. */
    void end() {
        vectors.connect(-1);
        MessageStream last = stream;
        stream = null;
        if (last != null) {
            if (removing) {
                last.shutDown();
            }
            last.close();
        }
        try {
            device.close();
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.ERROR, id + ": device", e);
        }
        dma.close();
        descriptors.close();
        listener.close();
        epoll.close();
        ended.countDown();
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public FunctionState state() {
        return segment;
    }

    @Override
    public DmaMap dma() {
        return dma;
    }

    @Override
    public int command() {
        return regions.command();
    }

    @Override
    public void interrupt(int vector) {
        interrupts.setOpaque(interrupts.getPlain() + 1);
        vectors.fire(vector, regions.isBusMaster());
        Failpoint.INTERRUPT_SENT.hit();
    }

    @Override
    public boolean isOutOfService() {
        return mark.isOutOfService();
    }

    /** An Error in this function's turn, which ends the process. */
    private Error ends(Error e) {
        if (!(e instanceof AnothersError)) {
            mark.blame();
        }
        return e;
    }

    @Override
    public void enter() {
        turns.begin(mark);
    }

    @Override
    public void leave() {
        turns.end();
    }

    @Override
    public Error blame(Error e) {
        mark.blame();
        return new AnothersError(id, e);
    }

    @Override
    public void watch(int descriptor) {
        epoll.add(descriptor, DEVICE);
    }

    @Override
    public void guestError(String what) {
        ofGuest.log(LOG, System.Logger.Level.WARNING, "{0}: guest: {1}", id, what);
    }
}
