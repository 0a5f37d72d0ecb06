package niter.cli;

import java.util.ArrayList;
import java.util.List;
import niter.controller.northbound.DescribeManagedPrefixListsRequest;
import niter.controller.northbound.ManagedPrefixList;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.PrefixListEntry;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Lists prefix lists and their entries. */
@Command(
        name = "list",
        mixinStandardHelpOptions = true,
        description = "List prefix lists and their entries.")
final class PrefixListListCommand implements Runnable {
    @Mixin private JsonOption json = new JsonOption();

    @Parameters(arity = "0..*", paramLabel = "ID", description = "Default: all.")
    private List<String> ids = new ArrayList<>();

    @Override
    public void run() {
        Table table = new Table("Prefix list", "Name", "Version", "Max entries", "Entry");
        try (NorthboundChannel channel = Host.open().connect()) {
            var request =
                    DescribeManagedPrefixListsRequest.newBuilder().addAllPrefixListId(ids).build();
            for (ManagedPrefixList list :
                    channel.blocking().describeManagedPrefixLists(request).getPrefixListList()) {
                for (PrefixListEntry entry : list.getEntryList()) {
                    row(table, list, entry.getCidr());
                }
                if (list.getEntryCount() == 0) { // it is there all the same
                    row(table, list, "");
                }
            }
        }
        table.print(System.out, json.isSet());
    }

    private static void row(Table table, ManagedPrefixList list, String entry) {
        table.row(
                Table.Cell.of(list.getPrefixListId()),
                Table.Cell.of(list.getPrefixListName()),
                Table.Cell.of(Long.toString(list.getVersion())),
                Table.Cell.of(Integer.toString(list.getMaxEntries())),
                Table.Cell.of(entry));
    }
}
