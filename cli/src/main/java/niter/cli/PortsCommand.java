package niter.cli;

import niter.controller.northbound.DescribePortsRequest;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.Port;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Lists the host's ports that reach instances. */
@Command(
        name = "ports",
        mixinStandardHelpOptions = true,
        description = {
            "List the host's ports that reach instances.",
            "A port is forwarded where a security group opens it to 192.0.0.2, from where callers on"
                    + " the host come; below 1024 another one listens where you may not bind it."
        })
final class PortsCommand implements Runnable {
    @Mixin private JsonOption json = new JsonOption();

    @Override
    public void run() {
        Table table = new Table("Instance", "Protocol", "Port", "Address", "Problem");
        try (NorthboundChannel channel = Host.open().connect()) {
            for (Port port :
                    channel.blocking()
                            .describePorts(DescribePortsRequest.getDefaultInstance())
                            .getPortList()) {
                table.row(
                        Table.Cell.of(port.getInstanceId()),
                        Table.Cell.of(port.getProtocol()),
                        Table.Cell.of(port.getPort()),
                        Table.Cell.of(
                                port.getHostPort() == 0
                                        ? ""
                                        : port.getHostAddress() + ":" + port.getHostPort()),
                        Table.Cell.of(port.getProblem()));
            }
        }
        table.print(System.out, json.isSet());
    }
}
