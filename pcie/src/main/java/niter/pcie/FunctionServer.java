package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import niter.linux.Descriptor;
import niter.linux.LinuxException;
import niter.linux.UnixSocket;

/**
 * Serves one PCI function to one vfio-user client at a time, on the thread of a {@link Core}. What
 * the guest can see lives in the function's segment, so that another process may take over at any
 * moment with what the {@link Escrow} kept.
 */
public final class FunctionServer implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(FunctionServer.class.getName());
    static final String SEGMENT = "segment";
    static final String LISTENER = "listener";
    static final String CONNECTION = "connection";

    private final String id;
    private final Path socket;
    private final Escrow escrow;
    private final FunctionSegment segment;
    private final FunctionLoop loop;
    private final Core core;
    private final boolean ownCore;
    private boolean closed; // guarded by this

    private FunctionServer(
            String id,
            Path socket,
            Escrow escrow,
            FunctionSegment segment,
            FunctionLoop loop,
            Core core,
            boolean ownCore) {
        this.id = id;
        this.socket = socket;
        this.escrow = escrow;
        this.segment = segment;
        this.loop = loop;
        this.core = core;
        this.ownCore = ownCore;
    }

    /** Starts serving on a core of its own; as the other, which names the core. */
    public static FunctionServer start(
            String id, Device device, Path socket, Escrow escrow, Map<String, Descriptor> given)
            throws IOException {
        Core core = new Core("fn-" + id);
        core.start();
        try {
            return start(id, device, socket, escrow, given, core, true);
        } catch (IOException | RuntimeException e) {
            core.close();
            throw e;
        }
    }

    /**
     * Starts serving.
     *
     * @param id for log lines
     * @param device the model behind the function; it belongs to the core's thread from now on
     * @param socket where clients connect
     * @param escrow holds what must survive this process
     * @param given what the escrow kept of a predecessor, by key; empty for a new function. This
     *     takes ownership.
     * @param core whose thread serves it, beside its other functions
     * @throws IOException if the predecessor's segment is of another version or kind
     * @throws LinuxException if the socket cannot be made
     */
    public static FunctionServer start(
            String id,
            Device device,
            Path socket,
            Escrow escrow,
            Map<String, Descriptor> given,
            Core core)
            throws IOException {
        return start(id, device, socket, escrow, given, core, false);
    }

    private static FunctionServer start(
            String id,
            Device device,
            Path socket,
            Escrow escrow,
            Map<String, Descriptor> given,
            Core core,
            boolean ownCore)
            throws IOException {
        FunctionShape shape = device.shape();
        Descriptor memory = given.get(SEGMENT);
        boolean takenOver = memory != null;
        FunctionSegment segment;
        Descriptor listener;
        if (memory != null) {
            segment = FunctionSegment.takeOver(memory, shape);
            memory.close();
            new ServiceMark(segment.liveState()).judge(escrow);
        } else {
            // Held only when it is whole: a successor finds all of it or starts anew.
            try (Descriptor fresh = FunctionSegment.allocate(id, shape)) {
                segment = FunctionSegment.format(fresh, shape);
                segment.begin();
                new ConfigSpace(shape)
                        .reset(
                                segment.stagedSlot()
                                        .asSlice(SegmentLayout.CONFIG, ConfigSpace.BYTES));
                MsixTable.reset(segment);
                segment.stagedSlot().set(JAVA_LONG, SegmentLayout.NEXT_TOKEN, 1);
                segment.commit();
                hold(id, escrow, SEGMENT, fresh);
            }
        }
        listener = given.get(LISTENER);
        if (listener == null) {
            listener = UnixSocket.listen(socket, UnixSocket.Type.STREAM, 1);
            hold(id, escrow, LISTENER, listener);
        }
        UnixSocket.setNonBlocking(listener.number(), true);
        HeldDescriptors descriptors = new HeldDescriptors(id, escrow);
        given.forEach(
                (key, descriptor) -> {
                    if (key.startsWith(HeldDescriptors.PREFIX)) {
                        descriptors.take(key, descriptor);
                    }
                });
        FunctionLoop loop =
                new FunctionLoop(
                        id,
                        device,
                        segment,
                        new FunctionLoop.Sockets(listener, given.get(CONNECTION)),
                        escrow,
                        descriptors,
                        takenOver);
        FunctionServer server =
                new FunctionServer(id, socket, escrow, segment, loop, core, ownCore);
        core.add(loop);
        return server;
    }

    private static void hold(String id, Escrow escrow, String key, Descriptor descriptor) {
        try {
            escrow.hold(Map.of(key, descriptor));
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "{0}: not held yet: {1}", id, e.getMessage());
        }
    }

    /** Whether a client is connected. */
    public boolean connected() {
        return !loop.isOver() && !loop.failure().isDone() && segment.isConnected();
    }

    /** Whether the core has let go of the function, whatever the reason. */
    public boolean isOver() {
        return loop.isOver();
    }

    /**
     * Completes with the exception that ended the function, once one does; on the core's thread,
     * where what depends on it must not block.
     */
    public CompletionStage<RuntimeException> failure() {
        return loop.failure().minimalCompletionStage();
    }

    /** How often the device fired a vector since this process serves it. */
    public long interrupts() {
        return loop.interrupts();
    }

    /**
     * Whether the function was taken out of service, because processes ended while they served it.
     */
    public boolean isOutOfService() {
        return loop.isOutOfService();
    }

    /** Whether an operating system drives it: it takes interrupts, which firmware does not. */
    public boolean driven() {
        return !loop.isOver() && segment.hasEventfds();
    }

    /**
     * Ends the function's thread and leaves everything to a successor; for the client it is a
     * pause.
     */
    public synchronized void detach() {
        if (closed) {
            return;
        }
        closed = true;
        loop.detach();
        join();
    }

    /**
     * Removes the function: its thread ends, the client's connection too, the socket goes, and the
     * escrow forgets everything. More calls do nothing.
     */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        loop.remove();
        join();
        try {
            Files.deleteIfExists(socket);
            escrow.release(SEGMENT, LISTENER, CONNECTION, HeldDescriptors.PREFIX);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "{0}: {1}", id, e.getMessage());
        }
    }

    /** Waits until the core has let go of the function, whatever the reason. */
    void awaitEnd() {
        boolean interrupted = false;
        while (!loop.isOver()) {
            try {
                loop.awaitEnd();
            } catch (InterruptedException e) {
                interrupted = true; // the end is near: nothing in a round waits for long
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void join() {
        core.wake();
        awaitEnd();
        segment.close();
        if (ownCore) {
            core.close();
        }
    }
}
