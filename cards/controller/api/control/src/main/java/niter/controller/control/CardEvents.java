package niter.controller.control;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.FunctionEvent;
import org.jspecify.annotations.Nullable;

/**
 * What the controller is told without having asked. The latest of each function is kept, for a
 * controller that was away.
 */
public final class CardEvents {
    private static final System.Logger LOG = System.getLogger(CardEvents.class.getName());

    private final Map<String, FunctionEvent> latest = new LinkedHashMap<>(); // guarded by this
    private @Nullable ControlChannel channel; // guarded by this

    /** Nothing to tell yet. */
    public CardEvents() {}

    /** Tells it now or when there is a controller. Does not wait. */
    public synchronized void post(String functionId, String event, String detail) {
        FunctionEvent message =
                FunctionEvent.newBuilder()
                        .setFunctionId(functionId)
                        .setEvent(event)
                        .setDetail(detail)
                        .setUnixMs(System.currentTimeMillis())
                        .build();
        latest.put(functionId, message);
        offer(message);
    }

    /**
     * Tells of a defect that ends a function, if one ever does.
     *
     * @param failure of the function; called once its start was told of, which a defect follows
     */
    public void postFailure(String functionId, CompletionStage<RuntimeException> failure) {
        failure.thenAccept(
                bug ->
                        post(
                                functionId,
                                "failed",
                                "a defect of the card ended it; its client was let go"));
    }

    private void offer(FunctionEvent event) {
        if (channel == null) {
            return;
        }
        try {
            if (!channel.offer(FromCard.newBuilder().setEvent(event).build())) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "{0}: the controller does not read: {1} not told",
                        event.getFunctionId(),
                        event.getEvent());
            }
        } catch (IOException e) {
            channel = null; // its receiver sees the end; the next controller hears it
        }
    }

    /** A controller listens: it hears the latest of each function. */
    public synchronized void connected(ControlChannel controller) {
        channel = controller;
        latest.values().forEach(this::offer);
    }

    /** A function is gone. */
    public synchronized void forget(String functionId) {
        latest.remove(functionId);
    }
}
