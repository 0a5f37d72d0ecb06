package niter.controller.control;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import niter.controller.control.protocol.Failed;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.Hello;
import niter.controller.control.protocol.ToCard;
import org.jspecify.annotations.Nullable;

/**
 * A card's end: answers the controller; where it is away, functions go on and this connects again.
 */
public final class CardConnection {
    private static final System.Logger LOG = System.getLogger(CardConnection.class.getName());
    private static final int PROTOCOL_VERSION = 1;
    private static final long FIRST_PAUSE_MILLIS = 50;
    private static final long LONGEST_PAUSE_MILLIS = 1000;

    /** What a card does for its controller. Called by several threads at once. */
    public interface Requests {
        /** Does what is asked for; the answer has no id yet. */
        FromCard.Builder answer(ToCard request) throws InterruptedException;
    }

    private final Path socket;
    private final String process;
    private final Requests card;
    private final CardEvents events;
    private final ExecutorService workers =
            Executors.newCachedThreadPool(
                    task -> Thread.ofPlatform().daemon().name("request").unstarted(task));

    /**
     * Connects to nobody yet.
     *
     * @param socket where the controller listens
     * @param process the card's name in the keeper's table
     */
    public CardConnection(Path socket, String process, Requests card, CardEvents events) {
        this.socket = socket;
        this.process = process;
        this.card = card;
        this.events = events;
    }

    /**
     * Makes an {@link Error} on any thread end this process, so that a successor serves the
     * functions that hang otherwise: of a card's main, first of all.
     */
    public static void endOnError() {
        Thread.setDefaultUncaughtExceptionHandler(
                (thread, error) -> {
                    LOG.log(
                            System.Logger.Level.ERROR,
                            thread.getName() + ": the process ends",
                            error);
                    Runtime.getRuntime().halt(1); // nothing of what exit does may hang
                });
    }

    /**
     * Makes SIGTERM end all functions between two messages, with nothing in flight, before it ends
     * this process: whoever follows finds nothing to finish, and the keeper has all of it.
     *
     * @param detach leaves the functions to a successor
     */
    public static void handOverOnSigterm(KeeperClient keeper, Runnable detach) {
        Runnable handOver =
                () -> {
                    detach.run();
                    keeper.letGo();
                };
        Runtime.getRuntime().addShutdownHook(new Thread(handOver, "hand-over"));
    }

    /** Serves controllers, one after the other, until the thread is interrupted. */
    public void run() {
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
                                        .setProcess(process)
                                        .setProtocolVersion(PROTOCOL_VERSION))
                        .build());
        events.connected(channel);
        ControlChannel.@Nullable Received<ToCard> received = channel.receive(ToCard.parser());
        while (received != null) {
            received.discard(); // no request has descriptors
            ToCard request = received.message();
            workers.execute(() -> answer(channel, request));
            received = channel.receive(ToCard.parser());
        }
    }

    /**
     * The card's answer. Neither a defect of it nor more than a packet takes may keep the
     * controller waiting, or end this process: it would be asked the same again.
     */
    private FromCard answer(ToCard request) throws InterruptedException {
        FromCard.Builder answer;
        try {
            answer = card.answer(request);
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.ERROR, request.getBodyCase().toString(), e);
            answer = failed("a defect of the card: " + e);
        }
        FromCard whole = answer.setId(request.getId()).build();
        return ControlChannel.fits(whole)
                ? whole
                : failed(
                                "the answer takes %d bytes, a message at most %d"
                                        .formatted(
                                                whole.getSerializedSize(),
                                                ControlChannel.MAX_PACKET_BYTES))
                        .setId(request.getId())
                        .build();
    }

    private static FromCard.Builder failed(String message) {
        return FromCard.newBuilder().setFailed(Failed.newBuilder().setMessage(message));
    }

    private void answer(ControlChannel channel, ToCard request) {
        try {
            channel.send(answer(request));
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "controller: {0}", e.getMessage()); // asks again
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
