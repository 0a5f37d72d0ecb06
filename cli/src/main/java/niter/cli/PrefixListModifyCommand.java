package niter.cli;

import java.util.ArrayList;
import java.util.List;
import niter.controller.northbound.ModifyManagedPrefixListRequest;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.PrefixListEntry;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Changes a prefix list's entries. */
@Command(
        name = "modify",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Add and remove entries of a prefix list. In force at once.")
final class PrefixListModifyCommand implements Runnable {
    @Parameters(paramLabel = "ID", description = "Id of the list.")
    private String id = "";

    @Option(names = "--add", paramLabel = "CIDR", description = "May be repeated.")
    private List<String> added = new ArrayList<>();

    @Option(names = "--remove", paramLabel = "CIDR", description = "May be repeated.")
    private List<String> removed = new ArrayList<>();

    @Option(
            names = "--current-version",
            paramLabel = "N",
            description = "Fail where the list has another version by now.")
    private long version;

    @Override
    public void run() {
        ModifyManagedPrefixListRequest.Builder request =
                ModifyManagedPrefixListRequest.newBuilder()
                        .setPrefixListId(id)
                        .setCurrentVersion(version)
                        .addAllRemoveCidr(removed);
        added.forEach(cidr -> request.addAddEntry(PrefixListEntry.newBuilder().setCidr(cidr)));
        try (NorthboundChannel channel = Host.open().connect()) {
            channel.blocking().modifyManagedPrefixList(request.build());
        }
    }
}
