package niter.cli;

import java.util.List;
import niter.controller.northbound.DescribeInstancesRequest;
import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceState;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Lists instances. */
@Command(
        name = "ps",
        mixinStandardHelpOptions = true,
        description = "List instances, the oldest first.")
final class PsCommand implements Runnable {
    @Option(
            names = {"-a", "--all"},
            description = "Those that are terminated too, as far as they are remembered.")
    private boolean all;

    @Option(
            names = {"-q", "--quiet"},
            description = "Print ids only.")
    private boolean quiet;

    @Mixin private JsonOption json = new JsonOption();

    @Override
    public void run() {
        Table table =
                new Table(
                        "Instance",
                        "Name",
                        "Type",
                        "Image",
                        "State",
                        "Address",
                        "Launched",
                        "Reason");
        for (Instance instance : instances()) {
            if (!all && instance.getState() == InstanceState.TERMINATED) {
                continue;
            }
            if (quiet) {
                System.out.println(instance.getInstanceId());
            }
            table.row(
                    Table.Cell.of(instance.getInstanceId()),
                    Table.Cell.of(instance.getName()),
                    Table.Cell.of(instance.getInstanceType()),
                    Table.Cell.of(instance.getImage()),
                    Table.Cell.of(States.name(instance.getState())),
                    Table.Cell.of(instance.getPrivateIpAddress()),
                    Ages.launched(instance.getLaunchedUnixMs()),
                    Table.Cell.of(instance.getStateReason()));
        }
        if (!quiet) {
            table.print(System.out, json.isSet());
        }
    }

    private static List<Instance> instances() {
        try (NorthboundChannel channel = Host.open().connect()) {
            return channel.blocking()
                    .describeInstances(DescribeInstancesRequest.getDefaultInstance())
                    .getInstanceList();
        }
    }
}
