package niter.cli;

import java.util.ArrayList;
import java.util.List;
import niter.controller.northbound.ManagedPrefixList;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.PrefixListEntry;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a prefix list. */
@Command(
        name = "create",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Make a prefix list; print its id.")
final class PrefixListCreateCommand implements Runnable {
    @Parameters(paramLabel = "NAME", description = "Name of the list.")
    private String name = "";

    @Option(
            names = "--family",
            paramLabel = "FAMILY",
            description = "IPv4 or IPv6; default: the first entry's, or IPv4.")
    private String family = "";

    @Option(
            names = "--max-entries",
            paramLabel = "N",
            defaultValue = "10",
            description = "As how many rules a rule counts that names it (${DEFAULT-VALUE}).")
    private int maxEntries;

    @Option(names = "--entry", paramLabel = "CIDR", description = "May be repeated.")
    private List<String> entries = new ArrayList<>();

    @Override
    public void run() {
        ManagedPrefixList.Builder request =
                ManagedPrefixList.newBuilder()
                        .setPrefixListName(name)
                        .setAddressFamily(family())
                        .setMaxEntries(maxEntries);
        entries.forEach(cidr -> request.addEntry(PrefixListEntry.newBuilder().setCidr(cidr)));
        try (NorthboundChannel channel = Host.open().connect()) {
            System.out.println(
                    channel.blocking()
                            .createManagedPrefixList(request.build())
                            .getPrefixList(0)
                            .getPrefixListId());
        }
    }

    private String family() {
        if (family.isEmpty()) {
            return !entries.isEmpty() && entries.getFirst().contains(":") ? "IPv6" : "IPv4";
        }
        return family.replaceFirst("(?i)ip(?=v)", "IP").replaceFirst("V", "v");
    }
}
