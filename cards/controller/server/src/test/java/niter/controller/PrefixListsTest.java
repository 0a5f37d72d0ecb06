package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.IpPermission;
import niter.controller.northbound.ManagedPrefixList;
import niter.controller.northbound.ModifyManagedPrefixListRequest;
import niter.controller.northbound.PrefixListEntry;
import niter.controller.northbound.SecurityGroupRule;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Prefix lists as EC2 has them, and the rules that name them. */
class PrefixListsTest {
    @TempDir Path directory;
    private StateDirectory state;
    private SecurityGroups groups;
    private PrefixLists lists;

    @BeforeEach
    void open() throws Exception {
        state = StateDirectory.of(directory).open();
        NetworkFile file = new NetworkFile(state, SecurityGroups.first(), List::of);
        groups = new SecurityGroups(file, List::of);
        lists = new PrefixLists(groups, file);
    }

    private static ManagedPrefixList asked(String family, int most, String... entries) {
        ManagedPrefixList.Builder list =
                ManagedPrefixList.newBuilder()
                        .setPrefixListName("partners")
                        .setAddressFamily(family)
                        .setMaxEntries(most);
        for (String entry : entries) {
            list.addEntry(PrefixListEntry.newBuilder().setCidr(entry));
        }
        return list.build();
    }

    private static ModifyManagedPrefixListRequest.Builder change(ManagedPrefixList list) {
        return ModifyManagedPrefixListRequest.newBuilder().setPrefixListId(list.getPrefixListId());
    }

    private static PrefixListEntry entry(String cidr) {
        return PrefixListEntry.newBuilder().setCidr(cidr).build();
    }

    private static SecurityGroupRule rule(String protocol, ManagedPrefixList list) {
        return SecurityGroupRule.newBuilder()
                .setIpProtocol(protocol)
                .setFromPort(protocol.equals("tcp") ? 22 : -1)
                .setToPort(protocol.equals("tcp") ? 22 : -1)
                .setPrefixListId(list.getPrefixListId())
                .build();
    }

    /** The ranges that the card is told for the group web, inwards. */
    private List<String> ranges() {
        return groups.inForce().stream()
                .filter(group -> group.getGroupName().equals("web"))
                .flatMap(group -> Permissions.forCard(group.getRuleList(), false).stream())
                .map(IpPermission::getCidr)
                .toList();
    }

    private static void refused(String message, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(ApiException.class).hasMessageContaining(message);
    }

    @Test
    void aRuleHoldsForWhateverIsInTheList() throws Exception {
        groups.create("web", "d");
        ManagedPrefixList list = lists.create(asked("IPv4", 3, "10.1.2.3/8", "192.0.2.0/24"));
        assertThat(list.getPrefixListId()).matches("pl-[0-9a-f]{17}");
        groups.authorize("web", false, List.of(rule("tcp", list)));
        assertThat(ranges()).containsExactly("10.0.0.0/8", "192.0.2.0/24");
        ManagedPrefixList next =
                lists.modify(
                        change(list)
                                .setCurrentVersion(1)
                                .addRemoveCidr("10.9.9.9/8")
                                .addAddEntry(entry("198.51.100.0/24"))
                                .build());
        assertThat(next.getVersion()).isEqualTo(2);
        assertThat(ranges()).containsExactly("192.0.2.0/24", "198.51.100.0/24");
        SecurityGroups reread =
                new SecurityGroups(
                        new NetworkFile(state, SecurityGroups.first(), List::of), List::of);
        assertThat(reread.inForce()).as("kept").isEqualTo(groups.inForce());
        refused("DependencyViolation: pl-", () -> lists.delete(list.getPrefixListId()));
        groups.revoke("web", false, List.of(rule("tcp", list)), List.of());
        lists.delete(list.getPrefixListId());
        assertThat(lists.all()).isEmpty();
    }

    @Test
    void aListOfIpv6HasRangesOfIpv6() throws Exception {
        groups.create("web", "d");
        ManagedPrefixList list = lists.create(asked("IPv6", 2, "FD00::1/8"));
        groups.authorize("web", false, List.of(rule("icmpv6", list)));
        assertThat(ranges()).containsExactly("fd00::/8");
        refused(
                "ip_protocol: icmp is IPv4's",
                () -> groups.authorize("web", false, List.of(rule("icmp", list))));
        refused("entry.cidr: expected", () -> lists.create(asked("IPv6", 2, "10.0.0.0/8")));
    }

    @Test
    void aListCountsAsItsMostEntries() throws Exception {
        groups.create("web", "d");
        ManagedPrefixList most = lists.create(asked("IPv4", 60));
        ManagedPrefixList one = lists.create(asked("IPv4", 1));
        groups.authorize("web", false, List.of(rule("tcp", most)));
        refused(
                "RulesPerSecurityGroupLimitExceeded",
                () -> groups.authorize("web", false, List.of(rule("tcp", one))));
        refused(
                "PrefixListMaxEntriesExceeded: entry: expected at most 1, got 2",
                () ->
                        lists.modify(
                                change(one)
                                        .addAddEntry(entry("10.0.0.0/8"))
                                        .addAddEntry(entry("11.0.0.0/8"))
                                        .build()));
    }

    @Test
    void whatMakesNoSenseIsRefusedWhole() throws Exception {
        ManagedPrefixList list = lists.create(asked("IPv4", 5, "10.0.0.0/8"));
        List<ManagedPrefixList> before = lists.all();
        refused("address_family: expected IPv4 or", () -> lists.create(asked("IPv5", 1)));
        refused("max_entries: expected 1 to 1000", () -> lists.create(asked("IPv4", 0)));
        refused("max_entries: expected 1 to 1000", () -> lists.create(asked("IPv4", 1001)));
        refused("entry.cidr: expected", () -> lists.create(asked("IPv4", 1, "10.0.0.0/33")));
        refused(
                "PrefixListMaxEntriesExceeded",
                () -> lists.create(asked("IPv4", 1, "1.0.0.0/8", "2.0.0.0/8")));
        refused(
                "prefix_list_name: expected",
                () -> lists.create(asked("IPv4", 1).toBuilder().clearPrefixListName().build()));
        refused("InvalidPrefixListID.NotFound: prefix_list_id", () -> lists.find("pl-1"));
        refused("MissingParameter: add_entry", () -> lists.modify(change(list).build()));
        refused(
                "PrefixListVersionMismatch: current_version",
                () ->
                        lists.modify(
                                change(list)
                                        .setCurrentVersion(2)
                                        .addAddEntry(entry("11.0.0.0/8"))
                                        .build()));
        refused(
                "remove_cidr: ",
                () ->
                        lists.modify(
                                change(list)
                                        .addAddEntry(entry("12.0.0.0/8"))
                                        .addRemoveCidr("13.0.0.0/8")
                                        .build()));
        assertThat(lists.all()).isEqualTo(before);
    }

    @Test
    void whatTheCardCannotBeToldIsRefused() throws Exception {
        List<PrefixListEntry> many = new ArrayList<>();
        Stream.iterate(0, n -> n < 60, n -> n + 1)
                .forEach(n -> many.add(entry("100.100.100." + n + "/32")));
        ManagedPrefixList list = lists.create(asked("IPv4", 60));
        for (int n = 0; n < 100; n++) {
            groups.create("g" + n, "d");
            groups.authorize("g" + n, false, List.of(rule("tcp", list)));
        }
        refused(
                "RulesPerSecurityGroupLimitExceeded: all groups together",
                () -> lists.modify(change(list).addAllAddEntry(many).build()));
        assertThat(lists.find(list.getPrefixListId())).isEqualTo(list);
    }
}
