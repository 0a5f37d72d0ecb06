package niter.controller;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import niter.controller.northbound.DescribeInstancesRequest;
import niter.controller.northbound.Instance;

/** One WatchInstances call: what is so now, then each change, until the caller ends it. */
final class InstanceStream implements Consumer<Instance> {
    private final Host host;
    private final ServerCallStreamObserver<Instance> answer;
    private final Set<String> wanted = new HashSet<>(); // guarded by this; empty: all
    private final List<Instance> early = new ArrayList<>(); // guarded by this
    private boolean begun; // guarded by this

    InstanceStream(Host host, StreamObserver<Instance> answer) {
        this.host = host;
        this.answer = (ServerCallStreamObserver<Instance>) answer;
    }

    void start(DescribeInstancesRequest request) {
        answer.setOnCancelHandler(() -> host.watchers().remove(this));
        host.watchers().add(this);
        try {
            begin(new Listing(host).describe(request).getInstanceList(), request);
        } catch (ApiException e) {
            host.watchers().remove(this);
            answer.onError(e.status().asRuntimeException());
        }
    }

    private synchronized void begin(List<Instance> now, DescribeInstancesRequest request) {
        if (request.getInstanceCount() > 0) {
            now.forEach(instance -> wanted.add(instance.getInstanceId()));
        }
        now.forEach(answer::onNext);
        begun = true;
        early.forEach(this::accept);
        early.clear();
    }

    @Override
    public synchronized void accept(Instance changed) {
        if (!begun) {
            early.add(changed);
        } else if (answer.isCancelled()) {
            host.watchers().remove(this);
        } else if (wanted.isEmpty() || wanted.contains(changed.getInstanceId())) {
            answer.onNext(changed);
        }
    }
}
