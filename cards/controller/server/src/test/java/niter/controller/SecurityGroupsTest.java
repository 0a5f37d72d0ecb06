package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import niter.controller.control.ControlChannel;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.IpPermission;
import niter.controller.control.protocol.SetNetwork;
import niter.controller.northbound.SecurityGroup;
import niter.controller.northbound.SecurityGroupRule;
import niter.controller.record.InstanceRecord;
import niter.controller.record.NetworkRecord;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Security groups as EC2 has them. */
class SecurityGroupsTest {
    @TempDir Path directory;
    private final List<InstanceRecord> instances = new ArrayList<>();
    private StateDirectory state;
    private SecurityGroups groups;

    @BeforeEach
    void open() throws Exception {
        state = StateDirectory.of(directory).open();
        groups = opened();
    }

    private SecurityGroups opened() throws IOException {
        return new SecurityGroups(
                new NetworkFile(state, SecurityGroups.first(), () -> instances), () -> instances);
    }

    private static SecurityGroupRule rule(String protocol, int from, int to, String cidr) {
        return SecurityGroupRule.newBuilder()
                .setIpProtocol(protocol)
                .setFromPort(from)
                .setToPort(to)
                .setCidrIpv4(cidr)
                .build();
    }

    private static SecurityGroupRule rule6(String protocol, int from, int to, String cidr) {
        return rule(protocol, from, to, "").toBuilder().setCidrIpv6(cidr).build();
    }

    private SecurityGroup authorize(SecurityGroupRule... rules) throws Exception {
        return groups.authorize("web", false, List.of(rules));
    }

    private static void refused(String message, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(ApiException.class).hasMessageContaining(message);
    }

    @Test
    void twoAreThereFromTheBeginning() throws Exception {
        assertThat(groups.all())
                .extracting(SecurityGroup::getGroupName)
                .containsExactly("default", "niter-run");
        SecurityGroup whole = groups.find("default");
        assertThat(whole.getRuleList())
                .anyMatch(
                        one ->
                                !one.getIsEgress()
                                        && one.getReferencedGroupId().equals(whole.getGroupId()));
        assertThat(groups.of(InstanceRecord.getDefaultInstance()))
                .as("an instance of an earlier version")
                .containsExactly(whole);
        assertThat(groups.ids(List.of())).containsExactly(whole.getGroupId());
    }

    @Test
    void changesOutliveTheProcess() throws Exception {
        SecurityGroup made = groups.create("web", "a web server");
        SecurityGroup added = authorize(rule("6", 80, 80, "10.1.2.3/8"));
        assertThat(added.getRule(0).getCidrIpv4()).as("without host bits").isEqualTo("10.0.0.0/8");
        assertThat(added.getRule(0).getIpProtocol()).isEqualTo("tcp");
        SecurityGroups next = opened();
        assertThat(next.all()).isEqualTo(groups.all());
        assertThat(next.find("web").getRuleCount()).as("with what may leave").isEqualTo(3);
        next.delete(made.getGroupId());
        assertThat(opened().all()).hasSize(2);
    }

    @Test
    void rulesOfIpv6AreKeptInOneForm() throws Exception {
        groups.create("web", "a web server");
        SecurityGroup added =
                authorize(rule6("58", 128, -1, "FD00:0::1/8"), rule6("udp", 5, 5, "::/0"));
        assertThat(added.getRule(0).getCidrIpv6()).isEqualTo("fd00::/8");
        assertThat(added.getRule(0).getIpProtocol()).isEqualTo("icmpv6");
        assertThat(Permissions.forCard(added.getRuleList(), false))
                .containsExactly(
                        IpPermission.newBuilder()
                                .setProtocol(58)
                                .setFromPort(128)
                                .setToPort(-1)
                                .setCidr("fd00::/8")
                                .build(),
                        IpPermission.newBuilder()
                                .setProtocol(17)
                                .setFromPort(5)
                                .setToPort(5)
                                .setCidr("::/0")
                                .build());
    }

    @Test
    void whatMakesNoSenseIsRefusedWhole() throws Exception {
        groups.create("web", "d");
        SecurityGroup before = groups.find("web");
        SecurityGroupRule good = rule("tcp", 1, 2, "0.0.0.0/0");
        refused("port: expected", () -> authorize(good, rule("tcp", 23, 22, "0.0.0.0/0")));
        refused("port: expected", () -> authorize(rule("udp", 0, 65_536, "0.0.0.0/0")));
        refused("ICMP: expected", () -> authorize(rule("icmp", 256, 0, "0.0.0.0/0")));
        refused("ICMP: expected", () -> authorize(rule("icmp", -1, 3, "0.0.0.0/0")));
        refused("port: protocol 50 has none", () -> authorize(rule("50", 1, 2, "0.0.0.0/0")));
        refused("ip_protocol: expected", () -> authorize(rule("tpc", 1, 2, "0.0.0.0/0")));
        refused("ip_protocol: expected", () -> authorize(rule("256", -1, -1, "0.0.0.0/0")));
        refused("cidr_ipv4: expected", () -> authorize(rule("tcp", 1, 2, "10.0.0.0/33")));
        refused("cidr_ipv4: expected", () -> authorize(rule("tcp", 1, 2, "10.0.0/8")));
        refused("cidr_ipv4: expected", () -> authorize(rule("tcp", 1, 2, "010.0.0.0/8")));
        refused("cidr_ipv4: expected", () -> authorize(rule("tcp", 1, 2, "::/0")));
        refused("cidr_ipv6: expected", () -> authorize(rule6("tcp", 1, 2, "10.0.0.0/8")));
        refused("cidr_ipv6: expected", () -> authorize(rule6("tcp", 1, 2, "fd00::/129")));
        refused("cidr_ipv6: expected", () -> authorize(rule6("tcp", 1, 2, "fd00:::/8")));
        refused("ip_protocol: icmp is", () -> authorize(rule("58", -1, -1, "0.0.0.0/0")));
        refused("ip_protocol: icmp is", () -> authorize(rule6("icmp", -1, -1, "::/0")));
        refused("ICMP: expected", () -> authorize(rule6("icmpv6", 256, 0, "::/0")));
        refused(
                "InvalidPrefixListID.NotFound: prefix_list_id",
                () -> authorize(rule("tcp", 1, 2, "").toBuilder().setPrefixListId("pl-1").build()));
        refused("port: protocol -1 has none", () -> authorize(rule("-1", 22, 22, "0.0.0.0/0")));
        refused(
                "description: expected",
                () -> authorize(good.toBuilder().setDescription("a\nb").build()));
        refused("source: expected one of", () -> authorize(rule("tcp", 1, 2, "")));
        refused(
                "InvalidGroup.NotFound",
                () ->
                        authorize(
                                rule("tcp", 1, 2, "").toBuilder()
                                        .setReferencedGroupId("sg-none")
                                        .build()));
        refused("InvalidPermission.Duplicate", () -> authorize(good, good));
        refused("MissingParameter", () -> authorize());
        refused("InvalidGroup.Duplicate", () -> groups.create("web", "again"));
        refused("InvalidGroup.Reserved: group_name", () -> groups.create("default", "d"));
        refused("group_name: expected", () -> groups.create("a\nb", "d"));
        refused("CannotDelete", () -> groups.delete("default"));
        refused("InvalidGroup.NotFound", () -> groups.delete("sg-none"));
        assertThat(groups.find("web")).isEqualTo(before);
    }

    @Test
    void aGroupInUseIsNotDeleted() throws Exception {
        SecurityGroup web = groups.create("web", "d");
        SecurityGroup other = groups.create("other", "d");
        groups.authorize(
                "other",
                false,
                List.of(rule("tcp", 1, 2, "").toBuilder().setReferencedGroupId("web").build()));
        refused("named by a rule of " + other.getGroupId(), () -> groups.delete("web"));
        groups.delete("other");
        instances.add(
                InstanceRecord.newBuilder()
                        .setInstanceId("i-1")
                        .addSecurityGroup(web.getGroupId())
                        .build());
        refused("DependencyViolation: " + web.getGroupId(), () -> groups.delete("web"));
    }

    @Test
    void rulesAreRevokedByWhatTheySayOrById() throws Exception {
        groups.create("web", "d");
        SecurityGroupRule http = rule("tcp", 80, 80, "0.0.0.0/0");
        SecurityGroupRule https = rule("tcp", 443, 443, "0.0.0.0/0");
        String id = authorize(http, https).getRule(1).getSecurityGroupRuleId();
        refused(
                "InvalidPermission.NotFound",
                () -> groups.revoke("web", true, List.of(http), List.of()));
        refused(
                "InvalidPermission.NotFound",
                () -> groups.revoke("web", false, List.of(http), List.of("sgr-none")));
        groups.revoke("web", false, List.of(http), List.of(id));
        assertThat(groups.find("web").getRuleList()).allMatch(SecurityGroupRule::getIsEgress);
    }

    @Test
    void limitsAreEc2s() throws Exception {
        groups.create("web", "d");
        for (int port = 1; port <= 60; port++) {
            authorize(rule("tcp", port, port, "0.0.0.0/0"));
        }
        refused(
                "RulesPerSecurityGroupLimitExceeded",
                () -> authorize(rule("tcp", 61, 61, "0.0.0.0/0")));
        groups.authorize("web", true, List.of(rule("tcp", 61, 61, "0.0.0.0/0")));
    }

    @Test
    void allGroupsTogetherFitIntoOneMessageToTheCard() throws Exception {
        List<SecurityGroupRule> most = new ArrayList<>();
        for (int port = 1; port <= 60; port++) {
            most.add(rule("tcp", 60_000, 60_000 + port, "100.100.100.100/32"));
        }
        List<SecurityGroup> before = new ArrayList<>();
        refused(
                "RulesPerSecurityGroupLimitExceeded: all groups together",
                () -> {
                    for (int n = 0; n < 500; n++) {
                        groups.create("g" + n, "d");
                        before.clear();
                        before.addAll(groups.all());
                        groups.authorize("g" + n, false, most);
                    }
                });
        assertThat(groups.all()).as("all or nothing").isEqualTo(before);
        assertThat(opened().all()).isEqualTo(before);
        SetNetwork network =
                SetNetwork.newBuilder().addAllSecurityGroup(CardGroups.of(groups.all())).build();
        assertThat(network.getSerializedSize())
                .isBetween(30 * 1024, ControlChannel.MAX_PACKET_BYTES - 20 * 1024);
    }

    @Test
    void anInstanceIsInAtMostFiveGroupsAndInEachOnce() throws Exception {
        SecurityGroup web = groups.create("web", "d");
        assertThat(groups.ids(List.of("web", web.getGroupId()))).containsExactly(web.getGroupId());
        List<String> six = new ArrayList<>(List.of("default", "niter-run", "web"));
        for (String name : List.of("a", "b", "c")) {
            groups.create(name, "d");
            six.add(name);
        }
        refused("SecurityGroupsPerInterfaceLimitExceeded", () -> groups.ids(six));
        refused("InvalidGroup.NotFound: security_group", () -> groups.ids(List.of("none")));
    }

    @Test
    void theFirstVersionsFileIsReadForEver() throws Exception {
        // Version 1, the group sg-1 "default" with one rule sgr-1 for its members.
        byte[] file =
                HexFormat.of()
                        .parseHex(
                                "080112250a0473672d31120764656661756c741a"
                                        + "016422110a057367722d311a022d313a0473672d31");
        Files.write(directory.resolve("network"), file);
        SecurityGroup group = opened().find("default");
        assertThat(group.getGroupId()).isEqualTo("sg-1");
        assertThat(group.getRule(0).getReferencedGroupId()).isEqualTo("sg-1");
    }

    @Test
    void aFileThatCannotBeReadIsNamed() throws Exception {
        Path file = directory.resolve("network");
        Files.write(file, NetworkRecord.newBuilder().setVersion(3).build().toByteArray());
        assertThatThrownBy(this::opened)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("network: version 3");
        Files.write(file, new byte[0]); // as after a loss of power on a bad disk
        assertThatThrownBy(this::opened)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("network: is damaged (it has no default group)");
        Files.write(file, new byte[] {7, 7, 7});
        assertThatThrownBy(this::opened)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("network: is damaged");
    }
}
