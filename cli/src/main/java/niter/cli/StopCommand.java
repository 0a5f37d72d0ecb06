package niter.cli;

import java.util.List;
import java.util.concurrent.Callable;
import niter.controller.northbound.StopInstanceRequest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Stops instances. */
@Command(
        name = "stop",
        mixinStandardHelpOptions = true,
        description = {
            "Press the power button of instances and wait until they are off.",
            "A guest that takes longer than 30 seconds is switched off. Volumes stay."
        })
final class StopCommand implements Callable<Integer> {
    @Option(
            names = {"-f", "--force"},
            description = "Switch off at once.")
    private boolean force;

    @Parameters(arity = "1..*", paramLabel = "INSTANCE", description = "Id or name.")
    private List<String> instances = List.of();

    @Override
    public Integer call() {
        return EachInstance.call(
                instances,
                "Stopping",
                (controller, instance) ->
                        controller.stopInstance(
                                StopInstanceRequest.newBuilder()
                                        .setInstance(instance)
                                        .setForce(force)
                                        .build()));
    }
}
