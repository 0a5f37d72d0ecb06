package niter.controller;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import niter.controller.control.ControlChannel;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.FunctionEvent;
import niter.controller.control.protocol.ToCard;
import niter.linux.Failpoint;
import org.jspecify.annotations.Nullable;

/**
 * What the controller asks of a card. A card that restarts is a pause: what was not answered is
 * asked again, every request is safe to repeat.
 */
final class Card {
    private static final System.Logger LOG = System.getLogger(Card.class.getName());

    /** Copying a large root disk takes its time; a card that is not there, much less. */
    private static final int PATIENCE_SECONDS = 300;

    private static final int CONNECT_SECONDS = 20;

    private final String name;
    private final Consumer<FunctionEvent> events;
    private final Map<Long, Question> pending = new LinkedHashMap<>(); // guarded by this
    private @Nullable ControlChannel channel; // guarded by this
    private long lastId; // guarded by this

    private record Question(ToCard message, CompletableFuture<FromCard> answer) {}

    /** The card's answer: it cannot do that. */
    static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1;

        RefusedException(String message) {
            super(message);
        }
    }

    /**
     * A card that is not connected yet.
     *
     * @param events what it says by itself, on its connection's thread
     */
    Card(String name, Consumer<FunctionEvent> events) {
        this.name = name;
        this.events = events;
    }

    /** As it says in Hello. */
    String name() {
        return name;
    }

    /**
     * Asks and waits for the answer.
     *
     * @throws RefusedException with the card's reason, or because it cannot be told as much
     * @throws IOException if the card does not come or does not answer
     */
    FromCard ask(ToCard.Builder request) throws RefusedException, IOException {
        long id = nextId();
        ToCard message = request.setId(id).build();
        if (!ControlChannel.fits(message)) { // before it is remembered: it could never be sent
            throw new RefusedException(
                    "%s takes %d bytes: the card %s takes a message of at most %d"
                            .formatted(
                                    message.getBodyCase().name().toLowerCase(Locale.ROOT),
                                    message.getSerializedSize(),
                                    name,
                                    ControlChannel.MAX_PACKET_BYTES));
        }
        CompletableFuture<FromCard> answer = new CompletableFuture<>();
        try {
            synchronized (this) {
                awaitConnection();
                Question question = new Question(message, answer);
                pending.put(id, question);
                send(question);
            }
            Failpoint.CONTROLLER_CARD_ASKED.hit();
            FromCard answered = answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            Failpoint.CONTROLLER_CARD_ANSWERED.hit();
            if (answered.hasFailed()) {
                throw new RefusedException(answered.getFailed().getMessage());
            }
            return answered;
        } catch (ExecutionException e) {
            throw new IOException(
                    "the card %s cannot be asked: %s".formatted(name, e.getCause()), e);
        } catch (TimeoutException e) {
            throw new IOException("the card " + name + " does not answer", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            forget(id);
        }
    }

    private synchronized long nextId() {
        return ++lastId;
    }

    private synchronized void forget(long id) {
        pending.remove(id);
    }

    private synchronized void awaitConnection() throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(CONNECT_SECONDS);
        try {
            while (channel == null) {
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0) {
                    throw new IOException(
                            "the card " + name + " does not start: its log says more");
                }
                wait(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** On a send that fails the receiver sees the end too, and the next connection asks again. */
    private synchronized void send(Question question) {
        if (channel == null) {
            return;
        }
        try {
            channel.send(question.message);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.INFO, "card {0}: {1}", name, e.getMessage());
        } catch (RuntimeException e) { // a defect of this one, which must not end the others
            LOG.log(System.Logger.Level.ERROR, "card " + name, e);
            question.answer.completeExceptionally(e);
        }
    }

    /**
     * Serves one connection of this card to its end, on the calling thread.
     *
     * @param connected runs, once, on a thread of its own when requests may be sent
     */
    void serve(ControlChannel connection, Runnable connected) {
        try {
            begin(connection);
            Thread.ofPlatform().daemon().name("card-" + name + "-connected").start(connected);
            ControlChannel.@Nullable Received<FromCard> received =
                    connection.receive(FromCard.parser());
            while (received != null) {
                received.discard(); // a card has no descriptors for us
                dispatch(received.message());
                received = connection.receive(FromCard.parser());
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "card {0}: {1}", name, e.getMessage());
        } finally {
            end(connection);
        }
    }

    /** Asks it what was not answered by the one before it. */
    private synchronized void begin(ControlChannel connection) {
        if (channel != null) {
            channel.close(); // of a process that is gone; its thread sees the end
        }
        channel = connection;
        pending.values().forEach(this::send);
        notifyAll();
    }

    private void dispatch(FromCard message) {
        if (message.hasEvent()) {
            events.accept(message.getEvent());
            return;
        }
        @Nullable Question question;
        synchronized (this) {
            question = pending.get(message.getId());
        }
        if (question != null) {
            question.answer.complete(message);
        }
    }

    private synchronized void end(ControlChannel connection) {
        connection.close();
        if (channel == connection) {
            channel = null;
        }
    }
}
