package niter.cli;

import niter.controller.northbound.DeleteSecurityGroupRequest;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Deletes a security group. */
@Command(
        name = "delete",
        mixinStandardHelpOptions = true,
        description = "Delete a security group that no instance and no rule uses.")
final class SgDeleteCommand implements Runnable {
    @Parameters(paramLabel = "GROUP", description = "Id or name.")
    private String group = "";

    @Override
    public void run() {
        try (NorthboundChannel channel = Host.open().connect()) {
            channel.blocking()
                    .deleteSecurityGroup(
                            DeleteSecurityGroupRequest.newBuilder().setGroup(group).build());
        }
    }
}
