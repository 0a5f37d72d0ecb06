package niter.cli;

import java.util.List;
import java.util.concurrent.Callable;
import niter.controller.northbound.InstanceRequest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Reboots instances. */
@Command(
        name = "reboot",
        mixinStandardHelpOptions = true,
        description = "Restart the guests of instances; the instances stay where they are.")
final class RebootCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "INSTANCE", description = "Id or name.")
    private List<String> instances = List.of();

    @Override
    public Integer call() {
        return EachInstance.call(
                instances,
                "Rebooting",
                (controller, instance) ->
                        controller.rebootInstance(
                                InstanceRequest.newBuilder().setInstance(instance).build()));
    }
}
