package niter.cli;

import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import niter.controller.northbound.ControllerGrpc.ControllerBlockingStub;
import niter.controller.northbound.DescribeInstancesRequest;
import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceState;

/** An instance on its way: until it runs, until its agent at the serial port answers, its end. */
final class InstanceStart {
    private static final long CONNECT_SECONDS = 20;
    private static final long SETTLE_SECONDS = 5;
    private static final long CONNECT_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final ControllerBlockingStub controller;

    InstanceStart(ControllerBlockingStub controller) {
        this.controller = controller;
    }

    /** A connection to the agent of an instance that was just made. */
    AgentConnection agent(Instance made) throws IOException {
        Instance instance = running(made);
        AgentConnection agent = connect(instance);
        boolean answered = false;
        try {
            agent.awaitReady();
            answered = true;
            return agent;
        } catch (IOException e) {
            throw new CliException(ended(instance.getInstanceId(), "ended before it was up"), e);
        } finally {
            if (!answered) {
                agent.close();
            }
        }
    }

    /** Waits until it runs. */
    Instance running(Instance made) {
        if (made.getState() == InstanceState.RUNNING) {
            return made;
        }
        try (Context.CancellableContext context = Context.current().withCancellation()) {
            return context.wrap(() -> await(made.getInstanceId())).call();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private Instance await(String id) {
        Iterator<Instance> states =
                controller.watchInstances(
                        DescribeInstancesRequest.newBuilder().addInstance(id).build());
        while (states.hasNext()) {
            Instance now = states.next();
            switch (now.getState()) {
                case RUNNING -> {
                    return now;
                }
                case STOPPED, SHUTTING_DOWN, TERMINATED -> throw new CliException(reason(now));
                default -> {} // on its way
            }
        }
        throw new CliException(id + " is gone: niter ps");
    }

    /** QEMU tells nobody that it listens, so this tries until it does. */
    private AgentConnection connect(Instance instance) throws IOException {
        Path socket = Path.of(instance.getRunSocket());
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(CONNECT_SECONDS);
        while (true) {
            try {
                return AgentConnection.connect(socket);
            } catch (IOException e) {
                if (System.nanoTime() > deadline) {
                    throw new CliException(
                            ended(instance.getInstanceId(), "does not listen at " + socket), e);
                }
                LockSupport.parkNanos(CONNECT_AGAIN_NANOS);
            }
        }
    }

    /** The instance; fails with the reason where it has ended. */
    Instance stillRunning(String id) {
        Instance now =
                controller
                        .describeInstances(
                                DescribeInstancesRequest.newBuilder().addInstance(id).build())
                        .getInstance(0);
        switch (now.getState()) {
            case STOPPED, SHUTTING_DOWN, TERMINATED -> throw new CliException(reason(now));
            default -> {
                return now;
            }
        }
    }

    /** Why an instance is no longer what it was, as far as the controller knows. */
    String ended(String id, String otherwise) {
        Instance now = settled(id);
        return now.getStateReason().isEmpty() ? id + " " + otherwise : reason(now);
    }

    /** The machine is gone; the controller may hear it a moment later than we do. */
    private Instance settled(String id) {
        DescribeInstancesRequest request =
                DescribeInstancesRequest.newBuilder().addInstance(id).build();
        try {
            Iterator<Instance> states =
                    controller
                            .withDeadlineAfter(SETTLE_SECONDS, TimeUnit.SECONDS)
                            .watchInstances(request);
            while (states.hasNext()) {
                Instance now = states.next();
                if (now.getState() == InstanceState.STOPPED
                        || now.getState() == InstanceState.TERMINATED) {
                    return now;
                }
            }
        } catch (StatusRuntimeException e) {
            if (e.getStatus().getCode() != Status.Code.DEADLINE_EXCEEDED) {
                throw e;
            }
        }
        return controller.describeInstances(request).getInstance(0);
    }

    private static String reason(Instance instance) {
        return "%s is %s: %s"
                .formatted(
                        instance.getInstanceId(),
                        States.name(instance.getState()),
                        instance.getStateReason());
    }
}
