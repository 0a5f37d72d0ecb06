package niter.cli;

import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import niter.controller.northbound.ControllerGrpc.ControllerBlockingStub;
import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceRequest;
import niter.controller.northbound.Instances;
import niter.controller.northbound.RunInstancesRequest;
import org.jspecify.annotations.Nullable;

/**
 * The making of instances, which can be taken back at any moment: also while the controller makes
 * them.
 */
final class Launch {
    private static final int PATIENCE_SECONDS = 60;

    private final ControllerBlockingStub controller;
    private final CompletableFuture<Instances> made = new CompletableFuture<>();
    private volatile boolean asked;

    Launch(ControllerBlockingStub controller) {
        this.controller = controller;
    }

    List<Instance> run(RunInstancesRequest.Builder request) {
        asked = true;
        try {
            Instances instances =
                    controller.runInstances(
                            request.setClientToken(UUID.randomUUID().toString()).build());
            made.complete(instances);
            return instances.getInstanceList();
        } catch (StatusRuntimeException e) {
            made.completeExceptionally(e);
            throw e;
        }
    }

    /** Terminates what was made, if anything was. */
    void terminate() {
        @Nullable Instances instances = asked ? outcome() : null;
        if (instances != null) {
            for (Instance instance : instances.getInstanceList()) {
                controller.terminateInstance(
                        InstanceRequest.newBuilder().setInstance(instance.getInstanceId()).build());
            }
        }
    }

    /** What the controller made; null where it refused. */
    private @Nullable Instances outcome() {
        try {
            return made.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            return null;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
    }
}
