package niter.card.ebs;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import niter.controller.control.ControlChannel;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.Hello;
import niter.controller.control.protocol.ToCard;
import org.jspecify.annotations.Nullable;

/** Answers the controller; where it is away, functions go on and this connects again. */
final class ControllerConnection {
    private static final System.Logger LOG = System.getLogger(ControllerConnection.class.getName());
    private static final int PROTOCOL_VERSION = 1;
    private static final long FIRST_PAUSE_MILLIS = 50;
    private static final long LONGEST_PAUSE_MILLIS = 1000;

    private final Path socket;
    private final Card card;
    private final Events events;
    private final ExecutorService requests =
            Executors.newCachedThreadPool(
                    task -> Thread.ofPlatform().daemon().name("request").unstarted(task));

    ControllerConnection(Path socket, Card card, Events events) {
        this.socket = socket;
        this.card = card;
        this.events = events;
    }

    /** Serves controllers, one after the other, until the thread is interrupted. */
    void run() {
        long pause = FIRST_PAUSE_MILLIS;
        while (!Thread.currentThread().isInterrupted()) {
            try (ControlChannel channel = ControlChannel.connect(socket)) {
                serve(channel);
                pause = FIRST_PAUSE_MILLIS;
            } catch (IOException e) { // nobody listens, or nothing that can be understood
                LOG.log(System.Logger.Level.DEBUG, "controller: {0}", e.getMessage());
                pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(pause));
        }
    }

    private void serve(ControlChannel channel) throws IOException {
        channel.send(
                FromCard.newBuilder()
                        .setHello(
                                Hello.newBuilder()
                                        .setProcess(EbsMain.NAME)
                                        .setProtocolVersion(PROTOCOL_VERSION))
                        .build());
        events.connected(channel);
        ControlChannel.@Nullable Received<ToCard> received = channel.receive(ToCard.parser());
        while (received != null) {
            received.discard(); // no request has descriptors
            ToCard request = received.message();
            requests.execute(() -> answer(channel, request));
            received = channel.receive(ToCard.parser());
        }
    }

    private void answer(ControlChannel channel, ToCard request) {
        try {
            channel.send(card.answer(request).setId(request.getId()).build());
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "controller: {0}", e.getMessage()); // asks again
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
