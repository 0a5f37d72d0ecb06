package niter.controller;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.function.Consumer;
import niter.controller.northbound.DescribeEventsRequest;
import niter.controller.northbound.Event;

/** One DescribeEvents call: what happened, then, where it follows, each event. */
final class EventStream implements Consumer<Event> {
    private final EventLog log;
    private final ServerCallStreamObserver<Event> answer;

    EventStream(EventLog log, StreamObserver<Event> answer) {
        this.log = log;
        this.answer = (ServerCallStreamObserver<Event>) answer;
    }

    void start(DescribeEventsRequest request) {
        if (request.getSinceUnixMs() < 0) {
            String expected = "since_unix_ms: expected 0 or more, got " + request.getSinceUnixMs();
            answer.onError(ApiException.invalid(expected).status().asRuntimeException());
            return;
        }
        answer.setOnCancelHandler(() -> log.unfollow(this));
        log.read(request.getSinceUnixMs(), request.getFollow(), this);
        if (!request.getFollow()) {
            answer.onCompleted();
        }
    }

    @Override
    public void accept(Event event) {
        if (answer.isCancelled()) {
            log.unfollow(this);
        } else {
            answer.onNext(event);
        }
    }
}
