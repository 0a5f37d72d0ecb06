package niter.controller;

import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import niter.controller.control.protocol.Exited;
import niter.controller.control.protocol.FunctionEvent;
import niter.controller.control.protocol.KeeperEvent;
import niter.controller.control.protocol.Served;
import niter.controller.northbound.Event;
import niter.controller.northbound.InstanceState;
import niter.linux.Signals;
import org.jspecify.annotations.Nullable;

/** What the keeper, cards and instances say, as events of the host. */
final class HostEvents {
    private static final String ENDED = "ended";
    private static final String SERVING = "serving";
    private static final String RESUMED = "resumed";
    private static final int MAX_REASON = 300;

    private static final Set<String> STATES =
            Stream.of(InstanceState.values())
                    .map(HostEvents::name)
                    .collect(Collectors.toUnmodifiableSet());

    private final EventLog log;

    HostEvents(EventLog log) {
        this.log = log;
    }

    EventLog log() {
        return log;
    }

    /** An end of a process, or the end of the pause after it. */
    void keeper(KeeperEvent event) {
        if (event.hasExited()) {
            Exited end = event.getExited();
            add(event(end.getUnixMs(), end.getProcess(), ENDED, reason(end)));
        } else if (event.hasServed()) {
            Served served = event.getServed();
            add(
                    event(served.getUnixMs(), served.getProcess(), SERVING, "")
                            .setPauseMs(served.getPauseMs()));
        }
    }

    /** Another build did not take over; the one that ran serves. */
    void notUpdated(String card, String why) {
        add(event(System.currentTimeMillis(), card, "not-updated", why));
    }

    private static String reason(Exited end) {
        if (end.getHandedOver()) {
            return "handed over to another build";
        }
        if (end.getSignal() != 0) {
            return "killed by " + Signals.name(end.getSignal());
        }
        return end.getExitStatus() < 0 ? "status unknown" : "exit status " + end.getExitStatus();
    }

    /**
     * What a card says of a function. Where it is served again, the pause began with the end of the
     * process that served it before.
     */
    void function(String card, FunctionEvent said) {
        Event.Builder event =
                event(said.getUnixMs(), said.getFunctionId(), said.getEvent(), said.getDetail());
        if (said.getEvent().equals(RESUMED)) {
            @Nullable Event end = log.latest(card, Set.of(ENDED), said.getUnixMs());
            if (end != null) {
                event.setPauseMs(said.getUnixMs() - end.getUnixMs());
            }
        }
        add(event);
    }

    /** An instance is in a state, which it may have been in before. */
    void instance(niter.controller.northbound.Instance now) {
        String id = now.getInstanceId();
        String state = name(now.getState());
        @Nullable Event before = log.latest(id, STATES);
        if (before == null || !before.getEvent().equals(state)) {
            add(event(System.currentTimeMillis(), id, state, now.getStateReason()));
        }
    }

    /** As users read it: "shutting-down". */
    static String name(InstanceState state) {
        return state.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static Event.Builder event(long unixMs, String subject, String event, String reason) {
        return Event.newBuilder()
                .setUnixMs(unixMs)
                .setSubject(subject)
                .setEvent(event)
                .setReason(reason.substring(0, Math.min(MAX_REASON, reason.length())));
    }

    private void add(Event.Builder event) {
        log.add(event.build());
    }
}
