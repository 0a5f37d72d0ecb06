package niter.card.vpc.services;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentLinkedQueue;
import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.EventFd;
import niter.linux.FileIo;
import niter.linux.LinuxException;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * The loop: one thread that takes frames from the card's socket, does what other threads hand in,
 * and watches the clock. Sending never waits: what the card does not take is lost, and TCP sends it
 * again.
 */
final class FrameSocket implements LinkLocal.Loop, AutoCloseable {
    private static final System.Logger LOG = System.getLogger(FrameSocket.class.getName());
    private static final long LISTENER = 1;
    private static final long CARD = 2;
    private static final long WOKEN = 3;
    private static final int BATCH = 64; // frames before other work has its turn
    private static final int BUFFER = Packet.MAX_FRAME + 1; // one more: too long shows

    private final Descriptor listener;
    private final int uid;
    private final Drops drops;
    private final Epoll epoll = new Epoll();
    private final Descriptor wake = EventFd.create();
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final MemorySegment incoming = Arena.ofAuto().allocate(BUFFER);
    private final MemorySegment outgoing = Arena.ofAuto().allocate(BUFFER);
    private final byte[] frame = new byte[BUFFER];
    private final Thread thread = Thread.ofPlatform().name("loop").unstarted(this::run);
    private @Nullable Descriptor card; // the loop's own
    private @Nullable LinkLocal network;
    private volatile boolean closed;

    /** Listens; takes nothing before {@link #start}. */
    FrameSocket(Path path, Drops drops) throws IOException {
        this.drops = drops;
        uid = (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        listener = UnixSocket.listen(path, UnixSocket.Type.SEQPACKET, 4);
        UnixSocket.setNonBlocking(listener.number(), true);
        epoll.add(listener.number(), LISTENER);
        epoll.add(wake.number(), WOKEN);
    }

    void start(LinkLocal network) {
        this.network = network;
        thread.start();
    }

    @Override
    public void execute(Runnable task) {
        tasks.add(task);
        EventFd.signal(wake.number());
    }

    /** On the loop's thread. */
    @Override
    public void send(byte[] bytes, int length) {
        if (card == null) {
            drops.count(DropReason.NOT_SENT);
            return;
        }
        MemorySegment.copy(bytes, 0, outgoing, ValueLayout.JAVA_BYTE, 0, length);
        long sent =
                UnixSocket.send(card.number(), outgoing.address(), length, UnixSocket.MSG_DONTWAIT);
        if (sent != length) {
            drops.count(DropReason.NOT_SENT);
        }
    }

    private void run() {
        LinkLocal services = java.util.Objects.requireNonNull(network);
        long[] tokens = new long[4];
        while (!closed) {
            long deadline = services.deadline();
            long wait =
                    deadline == Long.MAX_VALUE
                            ? Long.MAX_VALUE
                            : Math.max(0, deadline - System.nanoTime());
            int count = epoll.awaitNanos(wait, tokens);
            for (int i = 0; i < count; i++) {
                if (tokens[i] == LISTENER) {
                    accept();
                } else if (tokens[i] == CARD) {
                    receive(services);
                } else {
                    EventFd.drain(wake.number()); // before the tasks: a later one wakes again
                }
            }
            runTasks();
            services.run(System.nanoTime());
        }
    }

    private void runTasks() {
        @Nullable Runnable task = tasks.poll();
        while (task != null) {
            task.run();
            task = tasks.poll();
        }
    }

    private void accept() {
        try {
            @Nullable Descriptor next = UnixSocket.accept(listener);
            if (next == null) {
                return;
            }
            if (UnixSocket.peerUid(next.number()) != uid) {
                LOG.log(System.Logger.Level.WARNING, "connection refused: of another user");
                next.close();
                return;
            }
            hangUp(); // a restarted card's predecessor
            UnixSocket.setNonBlocking(next.number(), true);
            epoll.add(next.number(), CARD);
            card = next;
            LOG.log(System.Logger.Level.INFO, "the card is connected");
        } catch (LinuxException e) {
            LOG.log(System.Logger.Level.ERROR, "no card accepted: {0}", e.getMessage());
            throw e; // out of descriptors: the keeper starts this process anew
        }
    }

    private void receive(LinkLocal services) {
        for (int i = 0; i < BATCH && card != null; i++) {
            long bytes = FileIo.read(card.number(), incoming.address(), BUFFER);
            if (bytes == -niter.linux.Errno.EAGAIN) {
                return;
            }
            if (bytes <= 0) {
                hangUp();
                return;
            }
            MemorySegment.copy(incoming, ValueLayout.JAVA_BYTE, 0, frame, 0, (int) bytes);
            services.receive(frame, (int) bytes, System.nanoTime());
        }
    }

    private void hangUp() {
        if (card != null) {
            epoll.remove(card.number());
            card.close();
            card = null;
        }
    }

    /** Ends the loop. */
    @Override
    public void close() {
        closed = true;
        EventFd.signal(wake.number());
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        hangUp();
        listener.close();
        epoll.close();
        wake.close();
    }
}
