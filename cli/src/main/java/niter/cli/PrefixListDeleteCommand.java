package niter.cli;

import niter.controller.northbound.DeleteManagedPrefixListRequest;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Deletes a prefix list. */
@Command(
        name = "delete",
        mixinStandardHelpOptions = true,
        description = "Delete a prefix list that no rule names.")
final class PrefixListDeleteCommand implements Runnable {
    @Parameters(paramLabel = "ID", description = "Id of the list.")
    private String id = "";

    @Override
    public void run() {
        try (NorthboundChannel channel = Host.open().connect()) {
            channel.blocking()
                    .deleteManagedPrefixList(
                            DeleteManagedPrefixListRequest.newBuilder()
                                    .setPrefixListId(id)
                                    .build());
        }
    }
}
