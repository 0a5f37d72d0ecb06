package niter.cli;

import niter.controller.northbound.DescribeInstanceTypesRequest;
import niter.controller.northbound.InstanceType;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Lists instance types. */
@Command(
        name = "types",
        mixinStandardHelpOptions = true,
        description = "List the instance types with their vCPUs and memory.")
final class TypesCommand implements Runnable {
    @Mixin private JsonOption json = new JsonOption();

    @Override
    public void run() {
        Table table = new Table("Type", "vCPUs", "Memory");
        try (NorthboundChannel channel = Host.open().connect()) {
            for (InstanceType type :
                    channel.blocking()
                            .describeInstanceTypes(
                                    DescribeInstanceTypesRequest.getDefaultInstance())
                            .getInstanceTypeList()) {
                table.row(
                        Table.Cell.of(type.getName()),
                        Table.Cell.of(type.getVcpus()),
                        Table.Cell.bytes(type.getMemoryBytes()));
            }
        }
        table.print(System.out, json.isSet());
    }
}
