package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import niter.controller.northbound.SecurityGroupRule;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class RuleOptionsTest {
    private static SecurityGroupRule of(String... arguments) {
        RuleOptions options = new RuleOptions();
        CommandLine.populateCommand(options, arguments);
        return options.rule();
    }

    private static SecurityGroupRule rule(String protocol, String port) {
        return of("--protocol", protocol, "--port", port, "--source", "10.0.0.0/8");
    }

    private static String ports(String protocol, String port) {
        SecurityGroupRule rule = rule(protocol, port);
        return rule.getFromPort() + " " + rule.getToPort();
    }

    @Test
    void portsAreOneOrARangeOrTypeAndCode() {
        assertThat(ports("tcp", "22")).isEqualTo("22 22");
        assertThat(ports("udp", "8000-8010")).isEqualTo("8000 8010");
        assertThat(ports("icmp", "8")).isEqualTo("8 -1");
        assertThat(ports("icmp", "3:4")).isEqualTo("3 4");
        assertThat(ports("icmp", "-1")).isEqualTo("-1 -1");
        for (String nonsense : new String[] {"x", "1-", "-5-9", "1:2", "9999999", "1-2-3"}) {
            assertThatThrownBy(() -> rule("tcp", nonsense))
                    .isInstanceOf(CliException.class)
                    .hasMessageStartingWith("sg: --port " + nonsense + ": expected");
        }
    }

    @Test
    void withoutPortItIsAllOfThem() {
        SecurityGroupRule tcp = of("--protocol", "tcp", "--source", "web");
        assertThat(tcp.getFromPort()).isZero();
        assertThat(tcp.getToPort()).isEqualTo(65_535);
        SecurityGroupRule all = of("--protocol", "all", "--source", "web");
        assertThat(all.getIpProtocol()).isEqualTo("-1");
        assertThat(all.getToPort()).isEqualTo(-1);
    }

    /** A slip must not open a port inwards. */
    @Test
    void whatLeavesHasADestinationAndWhatComesInASource() {
        SecurityGroupRule out = of("--egress", "--protocol", "tcp", "--destination", "10.0.0.0/8");
        assertThat(out.getCidrIpv4()).isEqualTo("10.0.0.0/8");
        assertThatThrownBy(() -> of("--protocol", "tcp", "--destination", "10.0.0.0/8"))
                .hasMessage("sg: --destination: expected --egress with it, or --source");
        assertThatThrownBy(() -> of("--egress", "--protocol", "tcp", "--source", "10.0.0.0/8"))
                .hasMessage("sg: --egress --source: expected --destination");
        assertThat(of("--protocol", "tcp", "--source", "pl-1").getPrefixListId()).isEqualTo("pl-1");
    }

    @Test
    void theSourceIsARangeOrAGroup() {
        assertThat(rule("tcp", "1").getCidrIpv4()).isEqualTo("10.0.0.0/8");
        for (String group : new String[] {"web", "sg-0123456789abcdef0", "my.group"}) {
            assertThat(of("--protocol", "tcp", "--source", group).getReferencedGroupId())
                    .isEqualTo(group);
        }
        for (String range : new String[] {"10.0.0.1", "10.0.0.0/33"}) {
            assertThat(of("--protocol", "tcp", "--source", range).getCidrIpv4()).isEqualTo(range);
        }
        for (String range : new String[] {"::/0", "fd00::/8", "::1"}) {
            assertThat(of("--protocol", "tcp", "--source", range).getCidrIpv6()).isEqualTo(range);
        }
        assertThatThrownBy(() -> of("--protocol", "tcp"))
                .hasMessage("sg: expected --protocol and --source");
    }
}
