package niter.pcie;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.LinuxException;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * The listening socket of a function, watched while a client is wanted. A connection that cannot be
 * accepted, where no descriptor is left say, stays in the backlog and the socket readable: so it is
 * not watched for a second after an error. For the function's thread.
 */
final class Listener {
    private static final System.Logger LOG = System.getLogger(Listener.class.getName());
    static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final String id;
    private final Descriptor socket;
    private final Escrow escrow;
    private final LogRation ration;
    private final Epoll epoll;
    private final long token;
    private final LongSupplier clock;
    private boolean wanted;
    private boolean watched;
    private boolean paused;
    private long pausedSince;

    /**
     * One that is not watched yet.
     *
     * @param socket non-blocking; it is this object's from now on
     * @param token what the epoll delivers
     * @param clock nanoseconds
     */
    Listener(
            String id,
            Descriptor socket,
            Escrow escrow,
            LogRation ration,
            Epoll epoll,
            long token,
            LongSupplier clock) {
        this.id = id;
        this.socket = socket;
        this.escrow = escrow;
        this.ration = ration;
        this.epoll = epoll;
        this.token = token;
        this.clock = clock;
    }

    /** Whether a client is wanted from now on. */
    void want(boolean client) {
        wanted = client;
        watch();
    }

    private void watch() {
        boolean watch = wanted && !paused;
        if (watch == watched) {
            return;
        }
        if (watch) {
            epoll.add(socket.number(), token);
        } else {
            epoll.remove(socket.number());
        }
        watched = watch;
    }

    /** The next connection, which the escrow holds, or null where none can be accepted. */
    @Nullable Descriptor accept() {
        Descriptor connection;
        try {
            connection = UnixSocket.accept(socket);
        } catch (LinuxException e) { // EMFILE, say
            ration.log(LOG, System.Logger.Level.WARNING, "{0}: {1}", id, e.getMessage());
            paused = true;
            pausedSince = clock.getAsLong();
            watch();
            return null;
        }
        if (connection != null) {
            hold(connection);
        }
        return connection;
    }

    private void hold(Descriptor connection) {
        try {
            escrow.hold(Map.of(FunctionServer.CONNECTION, connection));
        } catch (IOException e) {
            ration.log(
                    LOG, System.Logger.Level.WARNING, "{0}: not held yet: {1}", id, e.getMessage());
        }
    }

    /** Nanoseconds until {@link #lookAgain} has something to do; Long.MAX_VALUE for never. */
    long sleepNanos() {
        return paused
                ? Math.max(PAUSE_NANOS - (clock.getAsLong() - pausedSince), 0)
                : Long.MAX_VALUE;
    }

    /** Ends a pause that is over. */
    void lookAgain() {
        if (paused && sleepNanos() == 0) {
            paused = false;
            watch();
        }
    }

    void close() {
        socket.close();
    }
}
