package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;
import niter.ena.Allowance;
import niter.ena.Frame;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Three interfaces of one subnet, and one of another: who reaches whom, and what is answered. */
class VpcTest {
    private static final Ipv4.Range RANGE = Ipv4.Range.of("172.31.0.0/16");
    private static final Ipv4.Range SUBNET = Ipv4.Range.of("172.31.0.0/20");
    private static final Ipv4.Range OTHER = Ipv4.Range.of("172.31.16.0/20");
    private static final Rule EVERYTHING =
            new Rule(Rule.ALL, -1, -1, new Rule.Addresses(Ipv4.Range.of("0.0.0.0/0")));
    private static final int SYN = 2;
    private static final int ACK = 16;

    private final MemorySegment table = Arena.ofAuto().allocate(FlowTable.bytes(1024), 64);
    private Vpc vpc = successor();
    private final List<Queue<byte[]>> received = new ArrayList<>();
    private final List<List<Allowance>> exceeded = new ArrayList<>();
    private final List<Interface> interfaces = new ArrayList<>();
    private final List<Attachment> attachments = new ArrayList<>();
    private final Map<String, SecurityGroup> groups = new HashMap<>();
    private long nanos;

    /** Of a process that goes on with the flows of the one before. */
    private Vpc successor() {
        return new Vpc(FlowTable.over(table), 1024, this::now, new Surroundings());
    }

    private long now() {
        return nanos;
    }

    @BeforeEach
    void plugIn() {
        groups.put(
                "sg-open", new SecurityGroup("sg-open", List.of(EVERYTHING), List.of(EVERYTHING)));
        Rule ssh = new Rule(6, 22, 22, new Rule.Addresses(Ipv4.Range.of("172.31.0.4/32")));
        groups.put("sg-ssh", new SecurityGroup("sg-ssh", List.of(ssh), List.of(EVERYTHING)));
        groups.put("sg-shut", new SecurityGroup("sg-shut", List.of(), List.of()));
        add(SUBNET, 4, "sg-open");
        add(SUBNET, 5, "sg-ssh");
        add(SUBNET, 6, "sg-shut");
        add(OTHER, 4, "sg-open");
        apply();
    }

    private Attachment attach(Interface config, Port port) {
        Attachment attachment = new Attachment(vpc, config, port);
        vpc.attach(attachment);
        return attachment;
    }

    private void apply() {
        vpc.apply(Plan.of(RANGE, groups, interfaces));
    }

    private void add(Ipv4.Range subnet, int host, String group) {
        int index = interfaces.size();
        Interface config =
                new Interface(
                        "eni-" + index,
                        0x0e01_0000_0000L + index,
                        subnet.base() + host,
                        subnet,
                        Set.of(group),
                        "ip-" + index,
                        true,
                        0,
                        Ipv6.NONE);
        interfaces.add(config);
        received.add(new ArrayDeque<>());
        exceeded.add(new ArrayList<>());
        attachments.add(attach(config, port(index)));
    }

    private Port port(int index) {
        return new Port() {
            @Override
            public boolean receive(Frame frame) {
                return received.get(index).add(Packet.bytes(frame));
            }

            @Override
            public void exceeded(Allowance allowance) {
                exceeded.get(index).add(allowance);
            }
        };
    }

    private byte[] packet(int from, int to, int protocol, byte[] payload) {
        Interface sender = interfaces.get(from);
        int target = interfaces.get(to).address();
        return Packet.ipv4(sender.mac(), sender.address(), target, protocol, payload);
    }

    private void send(int from, byte[] frame) {
        attachments.get(from).sent(Packet.frame(frame));
        attachments.get(from).flush();
    }

    private boolean passes(int from, int to, int protocol, byte[] payload) {
        send(from, packet(from, to, protocol, payload));
        return received.get(to).poll() != null;
    }

    private long drops(int of, DropReason reason) {
        return attachments.get(of).drops(reason);
    }

    @Test
    void groupsDecideAndAnswersPass() {
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 22, SYN))).isTrue();
        assertThat(passes(1, 0, 6, Packet.tcp(22, 1000, SYN | ACK))).isTrue();
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 23, SYN))).isFalse();
        assertThat(drops(0, DropReason.GROUP_IN)).isEqualTo(1);
        assertThat(passes(3, 1, 6, Packet.tcp(1000, 22, SYN))).as("another source").isFalse();
        assertThat(passes(2, 0, 17, Packet.udp(1, 2, 0))).as("nothing may leave").isFalse();
        assertThat(drops(2, DropReason.GROUP_OUT)).isEqualTo(1);
        assertThat(passes(0, 2, 17, Packet.udp(1, 2, 0))).as("default deny").isFalse();
    }

    @Test
    void anAnswerIsTheSameFlowOnly() {
        assertThat(passes(1, 0, 17, Packet.udp(5000, 53, 0))).isTrue();
        assertThat(passes(0, 1, 17, Packet.udp(53, 5000, 0))).isTrue();
        assertThat(passes(0, 1, 17, Packet.udp(54, 5000, 0))).isFalse();
        assertThat(passes(0, 1, 17, Packet.udp(53, 5001, 0))).isFalse();
        assertThat(passes(3, 1, 17, Packet.udp(53, 5000, 0))).isFalse();
        nanos += 181_000_000_000L;
        assertThat(passes(0, 1, 17, Packet.udp(53, 5000, 0))).as("idle for too long").isFalse();
    }

    @Test
    void whatWasAllowedGoesOnAfterTheRuleIsGone() {
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 22, SYN))).isTrue();
        groups.put("sg-ssh", new SecurityGroup("sg-ssh", List.of(), List.of(EVERYTHING)));
        apply();
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 22, ACK))).isTrue();
        assertThat(passes(0, 1, 6, Packet.tcp(1001, 22, SYN))).isFalse();
    }

    /** A connection that begins again is decided again, whatever its ports were used for before. */
    @Test
    void aNewConnectionOfOldPortsIsDecidedAnew() {
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 22, SYN))).isTrue();
        assertThat(passes(1, 0, 6, Packet.tcp(22, 1000, SYN | ACK))).isTrue();
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 22, SYN))).as("the rule is there").isTrue();
        groups.put("sg-ssh", new SecurityGroup("sg-ssh", List.of(), List.of(EVERYTHING)));
        apply();
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 22, ACK))).isTrue();
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 22, SYN))).isFalse();
        assertThat(passes(1, 0, 6, Packet.tcp(22, 2000, SYN))).isTrue();
        assertThat(passes(0, 1, 6, Packet.tcp(2000, 22, SYN))).as("against a flow").isFalse();
    }

    @Test
    void nobodyFillsTheFlowTableForOthers() {
        for (int port = 1; port <= 20_000; port++) {
            send(0, packet(0, 3, 17, Packet.udp(port, 9, 0)));
            received.get(3).clear();
        }
        assertThat(drops(0, DropReason.FLOW_TABLE_FULL)).isEqualTo(20_000 - 1024 / 8);
        assertThat(exceeded.get(0)).hasSize(20_000 - 1024 / 8).containsOnly(Allowance.CONNTRACK);
        assertThat(attachments.get(0).conntrackAvailable()).isZero();
        for (int port = 1; port <= 100; port++) {
            assertThat(passes(1, 3, 17, Packet.udp(port, 9, 0))).isTrue();
        }
        assertThat(attachments.get(1).conntrackAvailable()).isEqualTo(1024 / 8 - 100);
        assertThat(attachments.get(3).conntrackAvailable()).as("who is called").isPositive();
        // A successor counts what the one before allowed.
        vpc = successor();
        for (int i = 0; i < interfaces.size(); i++) {
            attachments.set(i, attach(interfaces.get(i), port(i)));
        }
        apply();
        assertThat(passes(0, 3, 17, Packet.udp(20_001, 9, 0))).isFalse();
        nanos += 31_000_000_000L; // all are idle
        assertThat(passes(0, 3, 17, Packet.udp(20_002, 9, 0))).isTrue();
        assertThat(attachments.get(0).conntrackAvailable()).isEqualTo(1024 / 8 - 1);
    }

    @Test
    void whatIsOpenToAllEndsWithItsRule() {
        Rule web = new Rule(17, 80, 80, new Rule.Addresses(Ipv4.Range.of("0.0.0.0/0")));
        groups.put("sg-ssh", new SecurityGroup("sg-ssh", List.of(web), List.of(EVERYTHING)));
        apply();
        assertThat(passes(0, 1, 17, Packet.udp(1000, 80, 0))).isTrue();
        apply();
        assertThat(passes(1, 0, 17, Packet.udp(80, 1000, 0))).as("the rule is there").isTrue();
        Rule narrow = new Rule(17, 80, 80, new Rule.Addresses(SUBNET));
        groups.put("sg-ssh", new SecurityGroup("sg-ssh", List.of(narrow), List.of(EVERYTHING)));
        apply();
        assertThat(passes(1, 0, 17, Packet.udp(80, 1000, 0))).as("another allows it").isTrue();
        assertThat(passes(0, 1, 17, Packet.udp(1001, 80, 0))).isTrue();
        groups.put("sg-ssh", new SecurityGroup("sg-ssh", List.of(web), List.of(EVERYTHING)));
        apply();
        assertThat(passes(0, 1, 17, Packet.udp(1002, 80, 0))).isTrue();
        groups.put("sg-ssh", new SecurityGroup("sg-ssh", List.of(), List.of(EVERYTHING)));
        apply();
        assertThat(passes(0, 1, 17, Packet.udp(1002, 80, 0))).as("never tracked").isFalse();
        assertThat(passes(0, 1, 17, Packet.udp(1000, 80, 0))).as("tracked since").isTrue();
    }

    @Test
    void aSuccessorDecidesWhatTheOneBeforeWasOnlyToldOf() {
        Rule web = new Rule(17, 80, 80, new Rule.Addresses(Ipv4.Range.of("0.0.0.0/0")));
        groups.put("sg-ssh", new SecurityGroup("sg-ssh", List.of(web), List.of(EVERYTHING)));
        apply();
        assertThat(passes(0, 1, 17, Packet.udp(1000, 80, 0))).isTrue();
        groups.put("sg-ssh", new SecurityGroup("sg-ssh", List.of(), List.of(EVERYTHING)));
        vpc = successor();
        for (int i = 0; i < interfaces.size(); i++) {
            attachments.set(i, attach(interfaces.get(i), port(i)));
        }
        apply();
        assertThat(passes(0, 1, 17, Packet.udp(1000, 80, 0))).isFalse();
    }

    @Test
    void whatIsOpenToAllIsTrackedWhereAnswersAreNot() {
        Rule web = new Rule(6, 80, 80, new Rule.Addresses(Ipv4.Range.of("0.0.0.0/0")));
        Rule some = new Rule(6, 1, 65_535, new Rule.Addresses(Ipv4.Range.of("0.0.0.0/0")));
        groups.put("sg-ssh", new SecurityGroup("sg-ssh", List.of(web), List.of(some)));
        apply();
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 80, SYN))).isTrue();
        groups.put("sg-ssh", new SecurityGroup("sg-ssh", List.of(), List.of(some)));
        apply();
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 80, ACK))).isTrue();
    }

    @Test
    void aGroupIsItsInterfaces() {
        Rule members = new Rule(17, 0, 65_535, new Rule.Members("sg-open"));
        groups.put("sg-shut", new SecurityGroup("sg-shut", List.of(members), List.of()));
        apply();
        assertThat(passes(0, 2, 17, Packet.udp(9, 9, 0))).isTrue();
        assertThat(passes(1, 2, 17, Packet.udp(9, 9, 0))).isFalse();
    }

    @Test
    void pingAndErrors() {
        assertThat(passes(1, 0, 1, Packet.icmp(8, 0, 77))).isTrue();
        assertThat(passes(0, 1, 1, Packet.icmp(0, 0, 77))).isTrue();
        assertThat(passes(0, 1, 1, Packet.icmp(0, 0, 78))).isFalse();
        assertThat(passes(0, 1, 1, Packet.icmp(8, 0, 79))).isFalse();
        assertThat(passes(0, 1, 1, Packet.icmp(8, 0, 77))).as("who only answers").isFalse();
        // "Unreachable" about a packet of a flow that exists, and about one that does not.
        assertThat(passes(1, 0, 17, Packet.udp(700, 800, 0))).isTrue();
        assertThat(passes(0, 1, 1, error(packet(1, 0, 17, Packet.udp(700, 800, 0))))).isTrue();
        assertThat(passes(0, 1, 1, error(packet(1, 0, 17, Packet.udp(700, 801, 0))))).isFalse();
    }

    /** An error passes no group but to whoever sent what it is about, from where that went. */
    @Test
    void anErrorReachesOnlyWhoSentWhatItQuotes() {
        groups.put("sg-shut", new SecurityGroup("sg-shut", List.of(), List.of(EVERYTHING)));
        apply();
        byte[] own = packet(0, 3, 17, Packet.udp(700, 800, 0));
        assertThat(passes(0, 3, 17, Packet.udp(700, 800, 0))).isTrue();
        assertThat(passes(0, 2, 1, error(own))).as("to a stranger").isFalse();
        assertThat(drops(0, DropReason.GROUP_IN)).isEqualTo(1);
        assertThat(passes(2, 1, 17, Packet.udp(700, 800, 0))).isFalse();
        byte[] victims = packet(2, 3, 17, Packet.udp(700, 800, 0));
        assertThat(passes(2, 3, 17, Packet.udp(700, 800, 0))).isTrue();
        assertThat(passes(1, 2, 1, error(victims))).as("from a stranger").isFalse();
        assertThat(passes(3, 2, 1, error(victims))).as("from the other end").isTrue();
        byte[] answers = packet(3, 2, 17, Packet.udp(800, 700, 0));
        assertThat(passes(3, 2, 1, error(answers))).as("about its own packet").isFalse();
        byte[] half = Arrays.copyOf(error(victims), 8 + 20 + 3);
        assertThat(passes(3, 2, 1, half)).as("half a port").isFalse();
        byte[] part = error(victims);
        part[8 + 7] = 1; // its offset
        assertThat(passes(3, 2, 1, part)).as("about a later fragment").isFalse();
    }

    private static byte[] error(byte[] about) {
        byte[] payload = new byte[8 + about.length - 14];
        payload[0] = 3;
        payload[1] = 3;
        System.arraycopy(about, 14, payload, 8, about.length - 14);
        return payload;
    }

    @Test
    void macsAreRewrittenBetweenSubnets() {
        send(0, packet(0, 3, 17, Packet.udp(1, 2, 0)));
        ByteBuffer got = ByteBuffer.wrap(received.get(3).remove());
        assertThat(got.getShort(0) & 0xffffL).isEqualTo(0x0e01);
        assertThat(got.getInt(2)).isEqualTo(3);
        assertThat(got.getInt(8)).as("the router").isEqualTo(0xac1f_1000);
        send(0, packet(0, 1, 6, Packet.tcp(1, 22, SYN)));
        got = ByteBuffer.wrap(received.get(1).remove());
        assertThat(got.getInt(8)).as("the neighbour itself").isZero();
    }

    @Test
    void spoofingIsDropped() {
        byte[] mac = packet(0, 3, 17, Packet.udp(1, 2, 0));
        mac[11] = 9;
        send(0, mac);
        assertThat(drops(0, DropReason.SPOOFED_MAC)).isEqualTo(1);
        byte[] address = packet(0, 3, 17, Packet.udp(1, 2, 0));
        address[29] = 5;
        send(0, address);
        assertThat(drops(0, DropReason.SPOOFED_ADDRESS)).isEqualTo(1);
        assertThat(received.get(3)).isEmpty();
    }

    @Test
    void nothingGoesToAll() {
        byte[] frame = packet(0, 3, 17, Packet.udp(1, 2, 0));
        for (String target : List.of("255.255.255.255", "172.31.15.255", "224.0.0.1")) {
            ByteBuffer.wrap(frame).putInt(30, Ipv4.address(target));
            send(0, frame);
        }
        Arrays.fill(frame, 0, 6, (byte) 0xff);
        ByteBuffer.wrap(frame).putInt(30, interfaces.get(3).address());
        send(0, frame);
        assertThat(drops(0, DropReason.BROADCAST)).isEqualTo(4);
        received.forEach(queue -> assertThat(queue).isEmpty());
    }

    // ---- ARP

    private byte[] ask(int from, String target) {
        Interface own = interfaces.get(from);
        send(from, Packet.arp(own.mac(), own.mac(), own.address(), Ipv4.address(target), 1));
        return received.get(from).poll();
    }

    @Test
    void theMappingServiceAnswers() {
        byte[] router = ask(0, "172.31.0.1");
        assertThat(ByteBuffer.wrap(router).getShort(20)).as("a reply").isEqualTo((short) 2);
        assertThat(ByteBuffer.wrap(router).getInt(24)).isEqualTo(0xac1f_0000);
        assertThat(ByteBuffer.wrap(router).getInt(28)).isEqualTo(Ipv4.address("172.31.0.1"));
        assertThat(ByteBuffer.wrap(ask(0, "172.31.0.5")).getInt(24)).isEqualTo(1);
        assertThat(ask(0, "169.254.169.254")).isNotNull();
        assertThat(ask(0, "172.31.0.2")).as("the resolver").isNotNull();
        assertThat(ask(0, "172.31.0.99")).as("nobody").isNull();
        assertThat(ask(0, "172.31.0.4")).as("itself: no conflict").isNull();
        assertThat(ask(0, "8.8.8.8")).isNull();
    }

    @Test
    void poisonReachesNobody() {
        Interface own = interfaces.get(0);
        int victim = interfaces.get(1).address();
        send(0, Packet.arp(own.mac(), own.mac(), victim, own.address(), 2));
        send(0, Packet.arp(own.mac(), 0x0e02_0000_0000L, own.address(), victim, 1));
        send(0, Packet.arp(own.mac(), own.mac(), own.address(), own.address(), 2));
        assertThat(drops(0, DropReason.SPOOFED_ADDRESS)).isEqualTo(1);
        assertThat(drops(0, DropReason.SPOOFED_MAC)).isEqualTo(1);
        assertThat(drops(0, DropReason.BROADCAST)).isEqualTo(1);
        received.forEach(queue -> assertThat(queue).isEmpty());
    }

    // ---- fragments, limits, the end

    @Test
    void fragmentsFollowTheirFirst() {
        byte[] first = packet(0, 1, 6, Packet.tcp(1000, 22, SYN));
        first[20] = 0x20;
        byte[] second = packet(0, 1, 6, new byte[16]);
        second[21] = 3;
        send(0, second);
        assertThat(drops(0, DropReason.FRAGMENT)).isEqualTo(1);
        send(0, first);
        send(0, second);
        assertThat(received.get(1)).hasSize(2);
        second[19] = 1; // of another packet
        send(0, second);
        assertThat(drops(0, DropReason.FRAGMENT)).isEqualTo(2);
    }

    /** However many packets others send in parts: who sends one has its first part remembered. */
    @Test
    void nobodyEvictsAnothersFragments() {
        byte[] first = packet(0, 1, 6, Packet.tcp(1000, 22, SYN));
        first[20] = 0x20;
        byte[] second = packet(0, 1, 6, new byte[16]);
        second[21] = 3;
        send(0, first);
        byte[] other = packet(3, 0, 17, Packet.udp(1, 2, 0));
        other[20] = 0x20;
        for (int id = 0; id < 65_536; id++) {
            ByteBuffer.wrap(other).putShort(18, (short) id);
            send(3, other);
            received.get(0).clear();
        }
        send(0, second);
        assertThat(received.get(1)).hasSize(2);
        assertThat(drops(0, DropReason.FRAGMENT)).isZero();
    }

    /** RFC 1858: what was judged is not written over. */
    @Test
    void noFragmentLiesOverTheHeader() {
        byte[] first = packet(0, 1, 6, Packet.tcp(1000, 22, SYN));
        first[20] = 0x20;
        send(0, first);
        byte[] second = packet(0, 1, 6, new byte[16]);
        for (int offset = 1; offset <= 2; offset++) {
            second[21] = (byte) offset;
            send(0, second);
            assertThat(drops(0, DropReason.FRAGMENT)).isEqualTo(offset);
        }
        second[21] = 3;
        send(0, second);
        assertThat(received.get(1)).hasSize(2);
    }

    @Test
    void linkLocalServicesAreRationed() {
        Interface own = interfaces.get(0);
        byte[] frame =
                Packet.ipv4(
                        own.mac(),
                        own.address(),
                        Ipv4.address("169.254.169.254"),
                        17,
                        Packet.udp(1, 2, 0));
        for (int i = 0; i < 1030; i++) {
            send(0, frame);
        }
        assertThat(drops(0, DropReason.LINK_LOCAL_LIMIT)).isEqualTo(6);
        assertThat(exceeded.get(0)).hasSize(6).containsOnly(Allowance.LINK_LOCAL);
        nanos += 1_000_000_000L;
        send(0, frame);
        assertThat(drops(0, DropReason.LINK_LOCAL_LIMIT)).isEqualTo(6);
    }

    @Test
    void anAddressesFlowsEndWithItsInterface() {
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 22, SYN))).isTrue();
        vpc.detach("eni-0");
        attachments.set(
                0,
                attach(
                        new Interface(
                                "eni-new",
                                interfaces.get(0).mac(),
                                interfaces.get(0).address(),
                                SUBNET,
                                Set.of(),
                                "new",
                                true,
                                0,
                                Ipv6.NONE),
                        frame -> received.get(0).add(Packet.bytes(frame))));
        assertThat(passes(1, 0, 6, Packet.tcp(22, 1000, ACK))).isFalse();
    }

    @Test
    void aConfigurationThatMakesNoSenseIsRefused() {
        Interface twice = interfaces.get(0);
        assertThatThrownBy(() -> Plan.of(RANGE, groups, List.of(twice, twice)))
                .hasMessageContaining("private_ipv4: 172.31.0.4 has two interfaces");
        assertThatThrownBy(() -> new Rule(6, 23, 22, new Rule.Addresses(RANGE)))
                .hasMessageContaining("ports:");
        assertThatThrownBy(() -> new Rule(1, 300, -1, new Rule.Addresses(RANGE)))
                .hasMessageContaining("ICMP:");
        assertThatThrownBy(() -> Ipv4.Range.of("10.0.0.1/8")).hasMessageContaining("host bits");
        assertThatThrownBy(() -> Ipv4.address("1.2.3.256")).hasMessageContaining("IPv4");
    }

    /** "1,024 packets/s", in any second. */
    @Test
    void aSecondsRationIsNotGivenTwiceWithinAMillisecond() {
        Interface own = interfaces.get(0);
        byte[] frame =
                Packet.ipv4(
                        own.mac(),
                        own.address(),
                        Ipv4.address("169.254.169.254"),
                        17,
                        Packet.udp(1, 2, 0));
        nanos = 1_000_000_000L;
        send(0, frame);
        nanos = 1_999_500_000L;
        for (int i = 0; i < 1023; i++) {
            send(0, frame);
        }
        nanos = 2_000_000_000L;
        for (int i = 0; i < 1024; i++) {
            send(0, frame);
        }
        assertThat(drops(0, DropReason.LINK_LOCAL_LIMIT)).as("of 2,047 in 0.5 ms").isPositive();
        assertThat(drops(0, DropReason.LINK_LOCAL_LIMIT)).as("but the first's").isEqualTo(1023);
        nanos = 2_999_499_999L;
        send(0, frame);
        assertThat(drops(0, DropReason.LINK_LOCAL_LIMIT)).as("a second less 1 ns").isEqualTo(1024);
        nanos = 2_999_500_000L;
        for (int i = 0; i < 1024; i++) {
            send(0, frame);
        }
        assertThat(drops(0, DropReason.LINK_LOCAL_LIMIT)).as("1,023 are free").isEqualTo(1025);
    }
}
