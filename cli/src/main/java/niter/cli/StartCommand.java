package niter.cli;

import java.util.List;
import java.util.concurrent.Callable;
import niter.controller.northbound.InstanceRequest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Starts instances. */
@Command(
        name = "start",
        mixinStandardHelpOptions = true,
        description = "Start instances that are stopped.")
final class StartCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "INSTANCE", description = "Id or name.")
    private List<String> instances = List.of();

    @Override
    public Integer call() {
        return EachInstance.call(
                instances,
                "Starting",
                (controller, instance) ->
                        controller.startInstance(
                                InstanceRequest.newBuilder().setInstance(instance).build()));
    }
}
