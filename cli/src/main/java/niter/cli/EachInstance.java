package niter.cli;

import io.grpc.StatusRuntimeException;
import java.util.List;
import java.util.function.BiFunction;
import niter.controller.northbound.ControllerGrpc.ControllerBlockingStub;
import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceState;
import niter.controller.northbound.NorthboundChannel;

/** One call for each of several instances: prints the id of each, and a line for each failure. */
final class EachInstance {
    private EachInstance() {}

    /**
     * Calls one after the other.
     *
     * @param phase what is shown while it takes
     * @return the command's exit status
     */
    static int call(
            List<String> instances,
            String phase,
            BiFunction<ControllerBlockingStub, String, Instance> call) {
        int status = 0;
        try (Progress progress = Progress.onStandardError();
                NorthboundChannel channel = Host.open().connect()) {
            for (String instance : instances) {
                progress.waiting(phase + " " + instance);
                try {
                    Instance now = call.apply(channel.blocking(), instance);
                    progress.clear();
                    System.out.println(now.getInstanceId());
                    if (isStillEnding(now.getState())) {
                        System.err.println(
                                "niter: %s is still %s, and goes on: logs/controller.log says more"
                                        .formatted(instance, States.name(now.getState())));
                        status = NiterMain.FAILURE;
                    }
                } catch (StatusRuntimeException e) {
                    progress.clear();
                    System.err.println("niter: " + ErrorLine.of(e));
                    status = NiterMain.FAILURE;
                }
            }
        }
        return status;
    }

    /** The answer did not wait for ever. */
    private static boolean isStillEnding(InstanceState state) {
        return state == InstanceState.STOPPING || state == InstanceState.SHUTTING_DOWN;
    }
}
