package niter.cli;

import niter.controller.northbound.CreateSecurityGroupRequest;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a security group. */
@Command(
        name = "create",
        mixinStandardHelpOptions = true,
        description = "Make a security group that lets nothing in; print its id.")
final class SgCreateCommand implements Runnable {
    @Parameters(paramLabel = "NAME", description = "Name of the group.")
    private String name = "";

    @Option(names = "--description", paramLabel = "TEXT", description = "What it is for.")
    private String description = "";

    @Override
    public void run() {
        try (NorthboundChannel channel = Host.open().connect()) {
            var request =
                    CreateSecurityGroupRequest.newBuilder()
                            .setGroupName(name)
                            .setDescription(description.isEmpty() ? name : description)
                            .build();
            System.out.println(
                    channel.blocking()
                            .createSecurityGroup(request)
                            .getSecurityGroup(0)
                            .getGroupId());
        }
    }
}
