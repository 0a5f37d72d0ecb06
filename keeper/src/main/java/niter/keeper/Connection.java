package niter.keeper;

import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import niter.controller.control.ControlChannel;
import niter.controller.control.protocol.FromKeeper;
import niter.controller.control.protocol.ToKeeper;
import niter.linux.Descriptor;
import niter.linux.LinuxException;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * One connected process. What its queue has no room for waits here: a peer that is stopped stops
 * nobody else.
 */
final class Connection {
    private static final System.Logger LOG = System.getLogger(Connection.class.getName());
    private static final int MAX_UNSENT = 1024;
    private static final long RETRY_NANOS = 10_000_000L;
    private static final int MESSAGES_A_TURN = 16;

    private final Loop loop;
    private final Handler handler;
    private final ControlChannel channel;
    private final ArrayDeque<Packet> unsent = new ArrayDeque<>();
    private final long token;
    private String process = "";
    private boolean watching;
    private boolean closed;

    /** What the keeper does with a connection. */
    interface Handler {
        /** Does what is asked; the descriptors are the handler's to close or keep. */
        void received(Connection from, ToKeeper message, List<Descriptor> descriptors)
                throws IOException;

        void ended(Connection connection);
    }

    private record Packet(FromKeeper message, Descriptor[] owned) {
        void close() {
            for (Descriptor descriptor : owned) {
                descriptor.close();
            }
        }
    }

    Connection(Loop loop, ControlChannel channel, Handler handler) {
        this.loop = loop;
        this.channel = channel;
        this.handler = handler;
        token = loop.watch(channel.descriptor(), this::readable);
    }

    private void readable() {
        try {
            for (int i = 0; i < MESSAGES_A_TURN && !closed; i++) {
                ControlChannel.@Nullable Received<ToKeeper> received =
                        channel.poll(ToKeeper.parser());
                if (received == null) {
                    return;
                }
                handler.received(this, received.message(), received.descriptors());
            }
        } catch (EOFException e) {
            close();
        } catch (IOException | LinuxException e) {
            closeBecause(e);
        }
    }

    private void closeBecause(Exception reason) {
        LOG.log(
                System.Logger.Level.WARNING,
                "connection of {0} closed: {1}",
                process,
                reason.getMessage());
        close();
    }

    /** Sends now or soon, in order. The descriptors stay the caller's. */
    void send(FromKeeper message, Descriptor... descriptors) {
        if (closed) {
            return;
        }
        try {
            if (unsent.isEmpty() && channel.offer(message, descriptors)) {
                return;
            }
            if (unsent.size() >= MAX_UNSENT) {
                throw new IOException("it does not read");
            }
            Descriptor[] owned = new Descriptor[descriptors.length];
            for (int i = 0; i < owned.length; i++) {
                owned[i] = descriptors[i].duplicate();
            }
            unsent.add(new Packet(message, owned));
            if (unsent.size() == 1) {
                loop.after(RETRY_NANOS, this::sendUnsent);
            }
        } catch (IOException | LinuxException e) {
            closeBecause(e);
        }
    }

    private void sendUnsent() {
        try {
            while (!closed && !unsent.isEmpty()) {
                Packet next = unsent.element();
                if (!channel.offer(next.message, next.owned)) {
                    loop.after(RETRY_NANOS, this::sendUnsent);
                    return;
                }
                unsent.remove().close();
            }
        } catch (IOException | LinuxException e) {
            closeBecause(e);
        }
    }

    void close() {
        if (closed) {
            return;
        }
        closed = true;
        loop.unwatch(token);
        channel.close();
        unsent.forEach(Packet::close);
        unsent.clear();
        handler.ended(this);
    }

    /** The name it said in Hello; empty before. */
    String process() {
        return process;
    }

    /** The peer's process id. */
    int pid() {
        return UnixSocket.peerPid(channel.descriptor().number());
    }

    void isOf(String name) {
        process = name;
    }

    boolean isWatching() {
        return watching;
    }

    void watch() {
        watching = true;
    }
}
