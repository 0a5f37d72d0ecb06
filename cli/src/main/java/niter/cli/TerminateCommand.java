package niter.cli;

import java.util.List;
import java.util.concurrent.Callable;
import niter.controller.northbound.InstanceRequest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Terminates instances. */
@Command(
        name = "terminate",
        mixinStandardHelpOptions = true,
        description = {
            "End instances at once and delete their volumes.",
            "What was in them is lost."
        })
final class TerminateCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "INSTANCE", description = "Id or name.")
    private List<String> instances = List.of();

    @Override
    public Integer call() {
        return EachInstance.call(
                instances,
                "Terminating",
                (controller, instance) ->
                        controller.terminateInstance(
                                InstanceRequest.newBuilder().setInstance(instance).build()));
    }
}
