package niter.cli;

import java.util.Locale;
import niter.controller.northbound.DescribeDropsRequest;
import niter.controller.northbound.Drop;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Lists what the VPC card dropped. */
@Command(
        name = "drops",
        mixinStandardHelpOptions = true,
        description = {
            "List dropped packets by interface and reason.",
            "Counted since the card last took the interface."
        })
final class VpcDropsCommand implements Runnable {
    @Mixin private JsonOption json = new JsonOption();

    @Override
    public void run() {
        Table table = new Table("Instance", "Interface", "Reason", "Packets");
        try (NorthboundChannel channel = Host.open().connect()) {
            for (Drop drop :
                    channel.blocking()
                            .describeDrops(DescribeDropsRequest.getDefaultInstance())
                            .getDropList()) {
                String reason = drop.getReason().toLowerCase(Locale.ROOT).replace('_', '-');
                table.row(
                        Table.Cell.of(drop.getInstanceId()),
                        Table.Cell.of(drop.getNetworkInterfaceId()),
                        Table.Cell.of(reason),
                        Table.Cell.of(drop.getPackets()));
            }
        }
        table.print(System.out, json.isSet());
    }
}
