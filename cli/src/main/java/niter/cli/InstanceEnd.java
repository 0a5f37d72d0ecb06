package niter.cli;

import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.util.Iterator;
import niter.controller.northbound.ControllerGrpc.ControllerBlockingStub;
import niter.controller.northbound.DescribeInstancesRequest;
import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceState;

/**
 * Closes a connection to an instance's agent when the instance no longer runs: SSH would wait for
 * an answer.
 */
final class InstanceEnd implements AutoCloseable {
    private final Context.CancellableContext context = Context.current().withCancellation();

    private InstanceEnd() {}

    /** Watches, until it is closed. */
    static InstanceEnd watch(
            ControllerBlockingStub controller, Instance instance, AgentConnection agent) {
        InstanceEnd end = new InstanceEnd();
        DescribeInstancesRequest request =
                DescribeInstancesRequest.newBuilder().addInstance(instance.getInstanceId()).build();
        Runnable watching =
                end.context.wrap(
                        () -> {
                            if (ends(controller.watchInstances(request))) {
                                closeQuietly(agent);
                            }
                        });
        Thread.ofPlatform().daemon().name("instance-end").start(watching);
        return end;
    }

    /** False where nobody tells any more: the controller was killed, or we are done. */
    private static boolean ends(Iterator<Instance> states) {
        try {
            while (states.hasNext()) {
                InstanceState now = states.next().getState();
                if (now != InstanceState.PENDING && now != InstanceState.RUNNING) {
                    return true;
                }
            }
        } catch (StatusRuntimeException e) {
            return false;
        }
        return true;
    }

    private static void closeQuietly(AgentConnection agent) {
        try {
            agent.close();
        } catch (IOException e) {
            return; // it is closed
        }
    }

    @Override
    public void close() {
        context.close();
    }
}
