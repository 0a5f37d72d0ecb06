package niter.controller;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import niter.controller.control.ControlChannel;
import niter.controller.control.protocol.FromCard;
import niter.linux.Descriptor;
import niter.linux.LinuxException;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/** Where cards connect: RUN/control.sock. */
final class CardListener {
    private static final System.Logger LOG = System.getLogger(CardListener.class.getName());
    private static final int PROTOCOL_VERSION = 1;

    /** In the keeper's store: cards that connect while the controller is away wait. */
    static final String KEY = "control-listener";

    static final int BACKLOG = 16;

    private final Descriptor listener;
    private final Map<String, Card> cards;
    private final Consumer<String> connected;
    private final int uid;

    /**
     * A listener over an open socket, which it owns.
     *
     * @param cards by the name that a card says in Hello
     * @param connected told the name of a card that has connected
     */
    CardListener(Descriptor listener, Map<String, Card> cards, Consumer<String> connected)
            throws IOException {
        this.listener = listener;
        this.cards = Map.copyOf(cards);
        this.connected = connected;
        uid = (int) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    }

    /** Begins to accept. */
    void start() {
        Thread.ofPlatform().daemon().name("control").start(this::run);
    }

    private void run() {
        while (true) {
            try {
                @Nullable Descriptor socket = UnixSocket.accept(listener);
                if (socket != null) {
                    Thread.ofPlatform().daemon().name("card").start(() -> serve(socket));
                }
            } catch (LinuxException e) {
                LOG.log(System.Logger.Level.ERROR, "no card accepted: {0}", e.getMessage());
                System.exit(1); // out of descriptors: the keeper starts this process anew
            }
        }
    }

    private void serve(Descriptor socket) {
        ControlChannel channel = new ControlChannel(socket);
        try {
            if (UnixSocket.peerUid(socket.number()) != uid) {
                throw new IOException("of another user");
            }
            Card card = card(channel);
            card.serve(channel, () -> connected.accept(card.name()));
        } catch (IOException | LinuxException e) {
            LOG.log(System.Logger.Level.WARNING, "connection refused: {0}", e.getMessage());
            channel.close();
        }
    }

    private Card card(ControlChannel channel) throws IOException {
        ControlChannel.@Nullable Received<FromCard> first = channel.receive(FromCard.parser());
        if (first == null) {
            throw new IOException("it ended before Hello");
        }
        first.discard();
        FromCard message = first.message();
        if (!message.hasHello() || message.getHello().getProtocolVersion() != PROTOCOL_VERSION) {
            throw new IOException("expected Hello with protocol_version 1");
        }
        @Nullable Card card = cards.get(message.getHello().getProcess());
        if (card == null) {
            throw new IOException("no card is called " + message.getHello().getProcess());
        }
        return card;
    }
}
