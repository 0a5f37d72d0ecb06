package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import niter.controller.control.protocol.IpPermission;
import org.junit.jupiter.api.Test;

/** Which ports of the host reach an instance. */
class PortPlanTest {
    private static final String HOST = "127.42.7.1";
    private static final String PRIVATE = "172.31.0.4";

    private static IpPermission open(int protocol, int from, int to, String cidr) {
        return IpPermission.newBuilder()
                .setProtocol(protocol)
                .setFromPort(from)
                .setToPort(to)
                .setCidr(cidr)
                .build();
    }

    private static List<String> rules(int firstFree, IpPermission... permissions) {
        return new PortPlan(firstFree)
                .forwards(HOST, PRIVATE, List.of(permissions)).stream().map(Forward::rule).toList();
    }

    @Test
    void whatCallersOnTheHostMayReachIsForwarded() {
        assertThat(
                        rules(
                                0,
                                open(6, 22, 22, "192.0.0.2/32"),
                                open(6, 80, 81, "0.0.0.0/0"),
                                open(17, 53, 53, "192.0.0.0/24"),
                                open(6, 443, 443, "172.31.0.0/16"),
                                open(6, 25, 25, ""),
                                open(1, -1, -1, "0.0.0.0/0"),
                                open(-1, 0, 0, "0.0.0.0/0")))
                .containsExactly(
                        "tcp:127.42.7.1:22-172.31.0.4:22",
                        "tcp:127.42.7.1:80-172.31.0.4:80",
                        "tcp:127.42.7.1:81-172.31.0.4:81",
                        "udp:127.42.7.1:53-172.31.0.4:53");
    }

    @Test
    void aPortThatTheUserMayNotBindIsMovedToOneThatNobodyWants() {
        assertThat(rules(1024, open(6, 22, 22, "0.0.0.0/0"), open(6, 10_022, 10_022, "0.0.0.0/0")))
                .containsExactly(
                        "tcp:127.42.7.1:20022-172.31.0.4:22",
                        "tcp:127.42.7.1:10022-172.31.0.4:10022");
    }

    private static List<Forward> forwards(int firstFree, IpPermission... permissions) {
        return new PortPlan(firstFree).forwards(HOST, PRIVATE, List.of(permissions));
    }

    @Test
    void aRangeIsForwardedUpToALimitSshFirstOfAll() {
        List<Forward> all =
                forwards(1024, open(6, 0, 65_535, "0.0.0.0/0"), open(17, 0, 65_535, "0.0.0.0/0"));
        assertThat(all).hasSize(PortPlan.MAX_PORTS);
        assertThat(all).extracting(Forward::hostPort).doesNotHaveDuplicates();
        assertThat(all).allSatisfy(one -> assertThat(one.hostPort()).isBetween(1024, 65_535));
        assertThat(all).extracting(Forward::rule).contains("tcp:127.42.7.1:10022-172.31.0.4:22");
    }

    @Test
    void whatIsNamedSinglyIsForwardedHoweverWideAnotherRuleIs() {
        List<Forward> all =
                forwards(
                        0,
                        open(6, 0, 65_535, "0.0.0.0/0"),
                        open(6, 8080, 8080, "0.0.0.0/0"),
                        open(17, 53, 53, "0.0.0.0/0"));
        assertThat(all).hasSize(PortPlan.MAX_PORTS);
        assertThat(all)
                .extracting(Forward::rule)
                .contains(
                        "tcp:127.42.7.1:22-172.31.0.4:22",
                        "tcp:127.42.7.1:8080-172.31.0.4:8080",
                        "udp:127.42.7.1:53-172.31.0.4:53");
    }

    @Test
    void whereTheUsualOnesAreWantedAnyFreePortOfTheHostIsTaken() {
        assertThat(
                        rules(
                                1024,
                                open(6, 22, 22, "0.0.0.0/0"),
                                open(6, 1024, 1024, "0.0.0.0/0"),
                                open(6, 10_022, 10_022, "0.0.0.0/0"),
                                open(6, 20_022, 20_022, "0.0.0.0/0"),
                                open(6, 30_022, 30_022, "0.0.0.0/0"),
                                open(6, 40_022, 40_022, "0.0.0.0/0"),
                                open(6, 50_022, 50_022, "0.0.0.0/0"),
                                open(6, 60_022, 60_022, "0.0.0.0/0")))
                .first()
                .isEqualTo("tcp:127.42.7.1:1025-172.31.0.4:22");
    }

    @Test
    void whereTheUserMayBindNoPortThatIsFreeThereIsNone() {
        assertThat(forwards(65_535, open(6, 22, 23, "0.0.0.0/0")))
                .extracting(Forward::hostPort)
                .containsExactly(65_535, Forward.NO_PORT);
        assertThat(forwards(65_536, open(6, 22, 22, "0.0.0.0/0")))
                .extracting(Forward::hostPort)
                .containsExactly(Forward.NO_PORT);
    }

    @Test
    void theListingOfTheUplinkIsUnderstood() {
        String listing =
                "Hub 0 (outside):\r\n"
                        + "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ\r\n"
                        + "  TCP[HOST_FORWARD]  15      127.42.7.1    22      172.31.0.4    22     0    "
                        + " 0\r\n"
                        + "  TCP[ESTABLISHED]   17      172.31.0.4 40000     203.0.113.9   443     0    "
                        + " 0\r\n"
                        + "  UDP[HOST_FORWARD]  16      127.42.7.1    53      172.31.0.4    53     0    "
                        + " 0\r\n";
        assertThat(Forward.listed(listing).map(Forward::rule))
                .containsExactly(
                        "tcp:127.42.7.1:22-172.31.0.4:22", "udp:127.42.7.1:53-172.31.0.4:53");
    }
}
