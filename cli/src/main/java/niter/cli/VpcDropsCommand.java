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
            "Counted since the card last took the interface, at the one that sent the packet; what came"
                    + " from outside, at the one that it was for."
        },
        footerHeading = "%nReasons:%n",
        footer = {
            "  group-in, group-out  no rule of the receiver's or the sender's groups allows it",
            "  no-route             nobody has the address",
            "  spoofed-mac, spoofed-address  the source is not the interface's own",
            "  broadcast            to all or to many, which a VPC does not carry",
            "  protocol, malformed  neither IP nor ARP, or its headers make no sense",
            "  fragment             a part of a packet whose first part was not let through",
            "  too-big              longer than the receiver or the next link takes",
            "  flow-table-full      the interface has as many flows as it may",
            "  uplink-share         it has 2,048 flows by the uplink, each a port of the host's",
            "  link-local-limit     more than 1,024 packets a second to link-local services",
            "  service, unserved    a link-local service that is not there or does not answer that",
            "  receiver             its guest has no driver or no free buffers",
            "  uplink               the way out is not there, or is full"
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
