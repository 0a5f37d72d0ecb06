package niter.controller;

import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import niter.controller.northbound.Capacity;
import niter.controller.northbound.CardUpdate;
import niter.controller.northbound.ConsoleInput;
import niter.controller.northbound.ConsoleOutput;
import niter.controller.northbound.ConsoleOutputRequest;
import niter.controller.northbound.DescribeCapacityRequest;
import niter.controller.northbound.DescribeEventsRequest;
import niter.controller.northbound.DescribeInstanceTypesRequest;
import niter.controller.northbound.DescribeInstancesRequest;
import niter.controller.northbound.DescribeProcessesRequest;
import niter.controller.northbound.Event;
import niter.controller.northbound.InstanceRequest;
import niter.controller.northbound.InstanceState;
import niter.controller.northbound.InstanceTypes;
import niter.controller.northbound.Instances;
import niter.controller.northbound.Process;
import niter.controller.northbound.Processes;
import niter.controller.northbound.RunInstancesRequest;
import niter.controller.northbound.ShutDownAnswer;
import niter.controller.northbound.ShutDownRequest;
import niter.controller.northbound.StopInstanceRequest;
import niter.controller.northbound.UpdateCardRequest;
import niter.controller.record.InstanceRecord;
import niter.controller.record.Wish;
import org.jspecify.annotations.Nullable;

/** The northbound API's calls. Each runs on a thread of its own and may wait. */
final class NorthboundService extends VolumeService {
    private static final System.Logger LOG = System.getLogger(NorthboundService.class.getName());

    /** A guest has 30 seconds to stop, and a card that was killed starts within one. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(90);

    private final Host host;

    NorthboundService(Host host) {
        super(host.network(), host.ebsVolumes());
        this.host = host;
    }

    // ---- instances ---------------------------------------------------------------------------

    @Override
    public void runInstances(RunInstancesRequest request, StreamObserver<Instances> answer) {
        answer(
                answer,
                () -> {
                    checkUp();
                    Instances.Builder made = Instances.newBuilder();
                    for (Instance instance : make(request)) {
                        made.addInstance(host.watchers().describe(instance));
                    }
                    return made.build();
                });
    }

    private List<Instance> make(RunInstancesRequest request) throws ApiException, IOException {
        synchronized (host.network().groups()) { // none of them is deleted before a record names it
            LaunchRequest launch =
                    LaunchRequest.of(
                            request.toBuilder()
                                    .clearSecurityGroup()
                                    .addAllSecurityGroup(
                                            host.network()
                                                    .groups()
                                                    .ids(request.getSecurityGroupList()))
                                    .build());
            return host.instances().make(launch);
        }
    }

    private void checkUp() throws ApiException {
        if (host.isGoingDown()) {
            throw ApiException.precondition("niter is being stopped: niter up, then again");
        }
    }

    @Override
    public void startInstance(
            InstanceRequest request, StreamObserver<niter.controller.northbound.Instance> answer) {
        answer(
                answer,
                () -> {
                    checkUp();
                    Instance instance = host.instances().find(request.getInstance());
                    synchronized (host.instances()) { // nobody takes its place meanwhile
                        start(instance);
                    }
                    return host.watchers().describe(instance);
                });
    }

    private void start(Instance instance) throws ApiException, IOException {
        switch (instance.state()) {
            case PENDING, RUNNING -> {} // done already
            case STOPPED -> {
                host.instances().admit(instance);
                host.wish(instance, Wish.RUN, false);
            }
            default -> throw wrongState(instance, "stopped");
        }
    }

    /** For how long an answer waits: the wish is durable, and work on it goes on. */
    private static long deadline() {
        return System.nanoTime() + PATIENCE_NANOS;
    }

    private static ApiException wrongState(Instance instance, String expected) {
        String state = instance.state().name().toLowerCase(java.util.Locale.ROOT);
        return ApiException.precondition(
                "%s: expected it to be %s, it is %s"
                        .formatted(instance.id(), expected, state.replace('_', '-')));
    }

    @Override
    public void stopInstance(
            StopInstanceRequest request,
            StreamObserver<niter.controller.northbound.Instance> answer) {
        answer(
                answer,
                () -> {
                    Instance instance = host.instances().find(request.getInstance());
                    if (instance.state() == InstanceState.SHUTTING_DOWN) {
                        throw wrongState(instance, "running");
                    }
                    if (instance.state() != InstanceState.STOPPED) {
                        host.wish(instance, Wish.STOP, request.getForce());
                        instance.await(deadline(), InstanceState.STOPPED, InstanceState.TERMINATED);
                    }
                    return host.watchers().describe(instance);
                });
    }

    @Override
    public void rebootInstance(
            InstanceRequest request, StreamObserver<niter.controller.northbound.Instance> answer) {
        answer(
                answer,
                () -> {
                    Instance instance = host.instances().find(request.getInstance());
                    if (instance.state() != InstanceState.RUNNING) {
                        throw wrongState(instance, "running");
                    }
                    instance.reboot();
                    return host.watchers().describe(instance);
                });
    }

    @Override
    public void terminateInstance(
            InstanceRequest request, StreamObserver<niter.controller.northbound.Instance> answer) {
        answer(
                answer,
                () -> {
                    @Nullable InstanceRecord gone =
                            host.instances().terminated(request.getInstance());
                    if (gone != null) {
                        return Descriptions.terminated(gone);
                    }
                    Instance instance = host.instances().find(request.getInstance());
                    host.wish(instance, Wish.TERMINATE, true);
                    instance.await(deadline(), InstanceState.TERMINATED);
                    return host.watchers().describe(instance);
                });
    }

    @Override
    public void describeInstances(
            DescribeInstancesRequest request, StreamObserver<Instances> answer) {
        answer(answer, () -> new Listing(host).describe(request));
    }

    @Override
    public void watchInstances(
            DescribeInstancesRequest request,
            StreamObserver<niter.controller.northbound.Instance> answer) {
        new InstanceStream(host, answer).start(request);
    }

    // ---- console -----------------------------------------------------------------------------

    @Override
    public StreamObserver<ConsoleInput> console(StreamObserver<ConsoleOutput> answer) {
        return new ConsoleStream(host, answer);
    }

    @Override
    public void getConsoleOutput(
            ConsoleOutputRequest request, StreamObserver<ConsoleOutput> answer) {
        new ConsoleStream(host, answer).output(request);
    }

    // ---- the host ----------------------------------------------------------------------------

    @Override
    public void describeProcesses(
            DescribeProcessesRequest request, StreamObserver<Processes> answer) {
        answer(
                answer,
                () -> {
                    Processes.Builder all = Processes.newBuilder();
                    for (var process : host.keeper().processes()) {
                        all.addProcess(
                                Process.newBuilder()
                                        .setPart(process.getName())
                                        .setPid(process.getPid())
                                        .setStartedUnixMs(process.getStartedUnixMs())
                                        .setRestarts(process.getRestarts())
                                        .setPrivateBytes(process.getPrivateBytes())
                                        .setLastEnd(process.getLastEnd()));
                    }
                    return all.build();
                });
    }

    @Override
    public void describeEvents(DescribeEventsRequest request, StreamObserver<Event> answer) {
        new EventStream(host.events(), answer).start(request);
    }

    @Override
    public void updateCard(UpdateCardRequest request, StreamObserver<CardUpdate> answer) {
        answer(
                answer,
                () -> {
                    checkUp();
                    long pauseMs =
                            host.update(
                                    request.getCard(),
                                    request.getJava(),
                                    path("dist", request.getDist()));
                    return CardUpdate.newBuilder().setPauseMs(pauseMs).build();
                });
    }

    private static Path path(String field, String text) throws ApiException {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw ApiException.invalid(field + ": expected a path");
        }
    }

    @Override
    public void describeInstanceTypes(
            DescribeInstanceTypesRequest request, StreamObserver<InstanceTypes> answer) {
        answer(
                answer,
                () ->
                        InstanceTypes.newBuilder()
                                .addAllInstanceType(niter.controller.InstanceTypes.ALL)
                                .build());
    }

    @Override
    public void describeCapacity(DescribeCapacityRequest request, StreamObserver<Capacity> answer) {
        answer(
                answer,
                () -> {
                    Capacity.Builder capacity =
                            host.admission().describe(host.instances().admitted());
                    capacity.addAllVolume(host.ebsVolumes().describe(List.of()));
                    return capacity.build();
                });
    }

    @Override
    public void shutDown(ShutDownRequest request, StreamObserver<ShutDownAnswer> answer) {
        answer(answer, () -> ShutDownAnswer.newBuilder().addAllLeft(host.stopAll()).build());
        try {
            if (host.isGoingDown()) { // after the answer, which this process may not outlive
                host.endProcesses();
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.ERROR, "shutting down: {0}", e.getMessage());
        }
    }
}
