package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
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
import niter.ena.Checksum;
import niter.ena.Frame;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What leaves the VPC by the uplink or to the services, and what comes in. */
class OutsideTest {
    private static final Ipv4.Range RANGE = Ipv4.Range.of("172.31.0.0/16");
    private static final Ipv4.Range SUBNET = Ipv4.Range.of("172.31.0.0/20");
    private static final Ipv4.Range ALL = Ipv4.Range.of("0.0.0.0/0");
    private static final int CALLER = Ipv4.address("192.0.0.2");
    private static final int FAR = Ipv4.address("203.0.113.9");
    private static final long UPLINK_MAC = 0x5255_c000_0202L;
    private static final int SYN = 2;

    private final Surroundings around = new Surroundings();
    private final Vpc vpc =
            new Vpc(
                    FlowTable.over(Arena.ofAuto().allocate(FlowTable.bytes(1024), 64)),
                    1024,
                    () -> 0,
                    around);
    private final List<Attachment> attachments = new ArrayList<>();
    private final List<Queue<byte[]>> received = new ArrayList<>();
    private final List<Interface> interfaces = new ArrayList<>();

    @BeforeEach
    void plugIn() {
        add("sg-open", Ipv4.address("127.42.0.4"));
        add("sg-shut", Ipv4.address("127.42.0.5"));
        add("sg-open", 0);
        Rule web = new Rule(6, 80, 80, new Rule.Addresses(ALL));
        Rule ssh = new Rule(6, 22, 22, new Rule.Addresses(Ipv4.Range.of("192.0.0.2/32")));
        Rule inside = new Rule(6, 23, 23, new Rule.Addresses(RANGE));
        Rule out = new Rule(Rule.ALL, -1, -1, new Rule.Addresses(ALL));
        Map<String, SecurityGroup> groups = new HashMap<>();
        groups.put(
                "sg-open", new SecurityGroup("sg-open", List.of(web, ssh, inside), List.of(out)));
        groups.put("sg-shut", new SecurityGroup("sg-shut", List.of(), List.of()));
        vpc.apply(Plan.of(RANGE, groups, interfaces));
    }

    private void add(String group, int publicAddress) {
        int index = interfaces.size();
        Interface config =
                new Interface(
                        "eni-" + index,
                        0x0e01_0000_0000L + index,
                        SUBNET.base() + 4 + index,
                        SUBNET,
                        Set.of(group),
                        "ip-" + index,
                        true,
                        publicAddress,
                        Ipv6.NONE);
        Queue<byte[]> queue = new ArrayDeque<>();
        Attachment attachment =
                new Attachment(vpc, config, frame -> queue.add(Packet.bytes(frame)));
        vpc.attach(attachment);
        interfaces.add(config);
        received.add(queue);
        attachments.add(attachment);
    }

    private byte[] send(int from, int to, int protocol, byte[] payload) {
        Interface own = interfaces.get(from);
        attachments
                .get(from)
                .sent(Packet.frame(Packet.ipv4(own.mac(), own.address(), to, protocol, payload)));
        attachments.get(0).flush();
        return around.uplink.poll();
    }

    private byte[] arrive(int source, int to, int protocol, byte[] payload) {
        int target = interfaces.get(to).address();
        vpc.fromUplink(Packet.frame(Packet.ipv4(UPLINK_MAC, source, target, protocol, payload)));
        return received.get(to).poll();
    }

    private long drops(int of, DropReason reason) {
        return attachments.get(of).drops(reason);
    }

    @Test
    void theWayOutTakes1500Bytes() {
        byte[] large = Packet.udp(5, 5, 2000);
        assertThat(send(0, FAR, 17, large)).as("may be cut").isNotNull();
        Interface own = interfaces.get(0);
        byte[] frame = Packet.ipv4(own.mac(), own.address(), FAR, 17, large);
        frame[20] = 0x40; // may not
        attachments.get(0).sent(Packet.frame(frame));
        attachments.get(0).flush();
        assertThat(around.uplink).isEmpty();
        assertThat(drops(0, DropReason.TOO_BIG)).isEqualTo(1);
        ByteBuffer answer = ByteBuffer.wrap(received.get(0).remove());
        assertThat(answer.getInt(26)).as("the router").isEqualTo(SUBNET.base() + 1);
        assertThat(answer.getShort(34)).as("fragmentation needed").isEqualTo((short) 0x0304);
        assertThat(answer.getInt(38)).isEqualTo(1500);
        assertThat(answer.getInt(42))
                .as("about the packet")
                .isEqualTo(ByteBuffer.wrap(frame).getInt(14));
        Frame whole = Packet.frame(answer.array());
        assertThat(Checksum.fold(whole.sum(14, 20))).isEqualTo(0xffff);
        assertThat(Checksum.fold(whole.sum(34, answer.capacity() - 34))).isEqualTo(0xffff);
        byte[] error = Packet.ipv4(own.mac(), own.address(), FAR, 1, new byte[2000]);
        error[20] = 0x40;
        error[34] = 3;
        attachments.get(0).sent(Packet.frame(error));
        attachments.get(0).flush();
        assertThat(received.get(0)).as("no error about an error").isEmpty();
    }

    @Test
    void whoHasAPublicAddressReachesTheWorldAndIsAnswered() {
        assertThat(send(0, FAR, 6, Packet.tcp(1000, 443, SYN))).isNotNull();
        byte[] answer = arrive(FAR, 0, 6, Packet.tcp(443, 1000, 0x12));
        assertThat(ByteBuffer.wrap(answer).getInt(2)).as("its own MAC").isZero();
        assertThat(ByteBuffer.wrap(answer).getInt(8)).as("the router's").isEqualTo(0xac1f_0000);
        assertThat(arrive(FAR, 0, 6, Packet.tcp(443, 1001, 0x12))).as("another flow").isNull();
        assertThat(send(1, FAR, 6, Packet.tcp(1000, 443, SYN))).as("no rule").isNull();
        assertThat(drops(1, DropReason.GROUP_OUT)).isEqualTo(1);
        assertThat(send(2, FAR, 6, Packet.tcp(1000, 443, SYN))).as("no address").isNull();
        assertThat(drops(2, DropReason.NO_ROUTE)).isEqualTo(1);
    }

    /** A router on the way says so, and none that does not lie there. */
    @Test
    void errorsComeFromWhereTheirPacketWent() {
        int router = Ipv4.address("203.0.113.1");
        byte[] sent = send(0, FAR, 6, Packet.tcp(1000, 443, SYN));
        assertThat(arrive(router, 0, 1, error(sent))).isNotNull();
        assertThat(arrive(router, 1, 1, error(sent))).as("to a stranger").isNull();
        assertThat(drops(1, DropReason.GROUP_IN)).isEqualTo(1);
        int neighbour = interfaces.get(2).address();
        byte[] inside =
                Packet.ipv4(
                        interfaces.get(0).mac(),
                        interfaces.get(0).address(),
                        neighbour,
                        6,
                        Packet.tcp(1000, 80, SYN));
        attachments.get(0).sent(Packet.frame(inside));
        attachments.get(0).flush();
        assertThat(received.get(2)).as("within the VPC").hasSize(1);
        assertThat(arrive(router, 0, 1, error(inside))).as("never was outside").isNull();
        assertThat(drops(0, DropReason.GROUP_IN)).isEqualTo(1);
        send(2, interfaces.get(0).address(), 1, error(inside));
        assertThat(received.get(0)).as("from the neighbour").hasSize(1);
        send(2, interfaces.get(0).address(), 1, error(sent));
        assertThat(received.get(0)).as("the neighbour about the world").hasSize(1);
    }

    private static byte[] error(byte[] about) {
        byte[] payload = new byte[8 + about.length - 14];
        payload[0] = 3;
        payload[1] = 1;
        System.arraycopy(about, 14, payload, 8, about.length - 14);
        return payload;
    }

    @Test
    void theHostItselfIsNotReached() {
        for (String target :
                List.of(
                        "127.0.0.1",
                        "127.42.0.4",
                        "0.0.0.0",
                        "192.0.0.2",
                        "192.0.0.3",
                        "172.31.77.7",
                        "198.51.100.1",
                        "240.0.0.1")) {
            assertThat(send(0, Ipv4.address(target), 17, Packet.udp(1, 2, 0))).as(target).isNull();
        }
        assertThat(drops(0, DropReason.NO_ROUTE)).isEqualTo(8);
    }

    @Test
    void rulesDecideWhoComesIn() {
        assertThat(arrive(CALLER, 0, 6, Packet.tcp(1000, 22, SYN))).isNotNull();
        assertThat(send(0, CALLER, 6, Packet.tcp(22, 1000, 0x12))).as("the answer").isNotNull();
        assertThat(send(0, CALLER, 6, Packet.tcp(22, 1001, 0x12))).as("nobody's").isNull();
        assertThat(send(0, CALLER, 6, Packet.tcp(22, 1000, SYN))).as("a call").isNull();
        assertThat(drops(0, DropReason.NO_ROUTE)).isEqualTo(2);
        assertThat(arrive(FAR, 0, 6, Packet.tcp(1000, 80, SYN))).isNotNull();
        assertThat(arrive(FAR, 0, 6, Packet.tcp(1000, 22, SYN))).isNull();
        assertThat(arrive(CALLER, 0, 6, Packet.tcp(1000, 23, SYN))).as("not inside").isNull();
        assertThat(drops(0, DropReason.GROUP_IN)).isEqualTo(2);
        assertThat(arrive(CALLER, 1, 6, Packet.tcp(1000, 22, SYN))).isNull();
        assertThat(arrive(CALLER, 2, 6, Packet.tcp(1000, 22, SYN))).as("not public").isNull();
        assertThat(arrive(Ipv4.address("172.31.0.6"), 0, 6, Packet.tcp(1, 80, SYN))).isNull();
        assertThat(arrive(Ipv4.address("127.0.0.1"), 0, 6, Packet.tcp(1, 80, SYN))).isNull();
        assertThat(vpc.uplinkDrops().of(DropReason.NO_ROUTE)).isEqualTo(1);
        assertThat(vpc.uplinkDrops().of(DropReason.SPOOFED_ADDRESS)).isEqualTo(2);
    }

    @Test
    void theUplinkLearnsWhereInterfacesAre() {
        byte[] question =
                Packet.arp(UPLINK_MAC, UPLINK_MAC, CALLER, interfaces.get(1).address(), 1);
        vpc.fromUplink(Packet.frame(question));
        ByteBuffer answer = ByteBuffer.wrap(around.uplink.remove());
        assertThat(answer.getInt(24)).isEqualTo(1);
        assertThat(answer.getShort(20)).as("a reply").isEqualTo((short) 2);
    }

    @Test
    void anUplinkThatIsAwayIsALossThatIsCounted() {
        around.there = false;
        assertThat(send(0, FAR, 6, Packet.tcp(1000, 443, SYN))).isNull();
        assertThat(drops(0, DropReason.UPLINK)).isEqualTo(1);
    }

    // ---- services

    @Test
    void servicesGetWhatIsForThemAndAnswerOnlyAsThemselves() {
        int metadata = Ipv4.address("169.254.169.254");
        assertThat(send(1, metadata, 6, Packet.tcp(1000, 80, SYN))).isNull();
        send(1, Ipv4.address("172.31.0.2"), 17, Packet.udp(1000, 53, 0));
        assertThat(around.services).as("no rule is asked").hasSize(2);
        assertThat(answered(metadata, 1, interfaces.get(1).mac())).isNotNull();
        assertThat(answered(Ipv4.address("172.31.0.2"), 1, interfaces.get(1).mac())).isNotNull();
        assertThat(answered(FAR, 1, interfaces.get(1).mac())).as("of the world").isNull();
        assertThat(answered(metadata, 1, interfaces.get(0).mac())).as("another's").isNull();
        around.there = false;
        send(1, metadata, 6, Packet.tcp(1000, 80, SYN));
        assertThat(drops(1, DropReason.SERVICE)).isEqualTo(1);
    }

    private byte[] answered(int source, int to, long mac) {
        byte[] frame =
                Packet.ipv4(
                        Packet.ROUTER,
                        source,
                        interfaces.get(to).address(),
                        6,
                        Packet.tcp(80, 1000, 0x12));
        ByteBuffer.wrap(frame).putShort(0, (short) (mac >>> 32)).putInt(2, (int) mac);
        vpc.fromServices(Packet.frame(frame));
        return received.get(to).poll();
    }

    @Test
    void timeIsTold() {
        byte[] question = Packet.udp(5000, 123, 48);
        question[8] = 0x23; // version 4, a client's
        question[8 + 40] = 77; // its transmit time
        send(0, Ipv4.address("169.254.169.123"), 17, question);
        ByteBuffer answer = ByteBuffer.wrap(received.get(0).remove());
        assertThat(answer.get(42)).as("version 4, a server's").isEqualTo((byte) 0x24);
        assertThat(answer.get(43)).as("stratum").isEqualTo((byte) 3);
        assertThat(answer.get(42 + 24)).as("the origin").isEqualTo((byte) 77);
        long seconds = (answer.getInt(42 + 40) & 0xffff_ffffL) - 2_208_988_800L;
        assertThat(seconds).isBetween(1_700_000_000L, 2_085_978_496L); // era 0
        question[8] = 0x24; // a server's
        send(0, Ipv4.address("169.254.169.123"), 17, question);
        assertThat(drops(0, DropReason.SERVICE)).isEqualTo(1);
    }

    @Test
    void twoTargetsOfOneRouteAreRefused() {
        Route one = new Route(ALL, Route.Target.BLACKHOLE);
        Route two = new Route(ALL, Route.Target.INTERNET_GATEWAY);
        assertThatThrownBy(
                        () ->
                                new Configuration(
                                        RANGE,
                                        "x",
                                        Map.of(),
                                        List.of(),
                                        List.of(one, two),
                                        Plan.UPLINK))
                .hasMessageContaining("route: 0.0.0.0/0 has two targets");
    }

    /** "A packet that is longer than the way out takes is answered with the MTU that fits." */
    @Test
    void anAnswerToACallerThatIsTooLongIsAnsweredToo() {
        Interface own = interfaces.get(0);
        Rule dns = new Rule(17, 53, 53, new Rule.Addresses(ALL));
        Rule out = new Rule(Rule.ALL, -1, -1, new Rule.Addresses(ALL));
        Map<String, SecurityGroup> groups = new HashMap<>();
        groups.put("sg-open", new SecurityGroup("sg-open", List.of(dns), List.of(out)));
        groups.put("sg-shut", new SecurityGroup("sg-shut", List.of(), List.of()));
        vpc.apply(Plan.of(RANGE, groups, interfaces));
        assertThat(arrive(CALLER, 0, 17, Packet.udp(5000, 53, 20))).isNotNull();
        byte[] frame =
                Packet.ipv4(own.mac(), own.address(), CALLER, 17, Packet.udp(53, 5000, 4000));
        frame[20] = 0x40; // may not be cut
        attachments.get(0).sent(Packet.frame(frame));
        assertThat(around.uplink).as("beyond the way out's 1,500 bytes").isEmpty();
        assertThat(received.get(0)).as("what says so").isNotEmpty();
    }

    /** "A packet that is longer than its receiver takes is answered", from outside as well. */
    @Test
    void whoCallsFromOutsideIsToldWhatTheReceiverTakes() {
        Queue<byte[]> small = new ArrayDeque<>();
        vpc.detach("eni-0");
        vpc.attach(
                new Attachment(
                        vpc,
                        interfaces.get(0),
                        new Port() {
                            @Override
                            public boolean receive(Frame frame) {
                                return small.add(Packet.bytes(frame));
                            }

                            @Override
                            public int mtu() {
                                return 576;
                            }
                        }));
        byte[] frame =
                Packet.ipv4(
                        UPLINK_MAC,
                        FAR,
                        interfaces.get(0).address(),
                        6,
                        java.util.Arrays.copyOf(Packet.tcp(40_000, 80, SYN), 1400));
        frame[20] = 0x40; // may not be cut
        vpc.fromUplink(Packet.frame(frame));
        assertThat(small).as("1,420 bytes for who takes 576").isEmpty();
        assertThat(around.uplink).as("fragmentation needed").hasSize(1);
    }

    /** An interface's share is one of flows: a SYN that comes again is the same flow. */
    @Test
    void aConnectionThatIsAskedForAgainAndAgainIsOneFlow() {
        for (int i = 0; i < 1024 / 8; i++) {
            assertThat(arrive(FAR, 0, 6, Packet.tcp(40_000, 80, SYN))).isNotNull();
        }
        assertThat(arrive(FAR, 0, 6, Packet.tcp(40_001, 80, SYN)))
                .as("another one's connection")
                .isNotNull();
        assertThat(send(0, FAR, 17, Packet.udp(53, 53, 0))).as("one of its own").isNotNull();
    }

    /**
     * Each flow is a socket of the uplink's, with a port of the host's that no other socket has:
     * what one interface may have at once must leave some to its neighbours and to the host.
     */
    @Test
    void oneInterfaceLeavesPortsOfTheHostToOthers() throws IOException {
        String[] range;
        try (var reader =
                Files.newBufferedReader(Path.of("/proc/sys/net/ipv4/ip_local_port_range"))) {
            range = reader.readLine().strip().split("\\s+");
        }
        int ports = Integer.parseInt(range[1]) - Integer.parseInt(range[0]) + 1;
        int room = 262_144; // the card's
        long[] clock = {0};
        Surroundings host = new Surroundings();
        Vpc whole =
                new Vpc(
                        FlowTable.over(Arena.ofAuto().allocate(FlowTable.bytes(room), 64)),
                        room,
                        () -> clock[0],
                        host);
        Interface own = interfaces.get(0);
        Attachment guest = new Attachment(whole, own, frame -> true);
        whole.attach(guest);
        Rule out = new Rule(Rule.ALL, -1, -1, new Rule.Addresses(ALL));
        SecurityGroup open = new SecurityGroup("sg-open", List.of(), List.of(out));
        whole.apply(Plan.of(RANGE, Map.of("sg-open", open), List.of(own)));
        for (int port = 1; port <= 65_535; port++) {
            guest.sent(
                    Packet.frame(
                            Packet.ipv4(
                                    own.mac(), own.address(), FAR, 17, Packet.udp(port, 9, 0))));
        }
        guest.flush();
        assertThat(host.uplink.size()).as("flows of %d ports", ports).isLessThan(ports / 2);
        int flows = host.uplink.size();
        assertThat(guest.drops(DropReason.UPLINK_SHARE)).isEqualTo(65_535 - flows);
        for (int second : new int[] {31, 200, 250}) { // the uplink keeps each socket for 240
            clock[0] = second * 1_000_000_000L;
            guest.sent(
                    Packet.frame(
                            Packet.ipv4(own.mac(), own.address(), FAR, 17, Packet.udp(7, 7, 0))));
            guest.flush();
            assertThat(host.uplink.size() - flows).isEqualTo(second > 240 ? 1 : 0);
        }
    }

    /** "A counter with a reason for every dropped packet", those of the services' among them. */
    @Test
    void whatTheServicesMayNotSendIsCounted() {
        Interface to = interfaces.get(0);
        byte[] frame = Packet.ipv4(UPLINK_MAC, FAR, to.address(), 17, Packet.udp(53, 53, 0));
        ByteBuffer.wrap(frame).putShort(0, (short) (to.mac() >>> 32)).putInt(2, (int) to.mac());
        vpc.fromServices(Packet.frame(frame));
        assertThat(received.get(0)).as("from no service's address").isEmpty();
        assertThat(vpc.servicesDrops().of(DropReason.SPOOFED_ADDRESS)).isEqualTo(1);
        assertThat(dropped()).isEqualTo(1);
        ByteBuffer.wrap(frame).putInt(26, Ipv4.address("169.254.169.254"));
        vpc.fromServices(Packet.frame(frame));
        assertThat(received.get(0)).as("from a service's").hasSize(1);
        assertThat(dropped()).isEqualTo(1);
        ByteBuffer.wrap(frame).putInt(2, (int) to.mac() + 1);
        vpc.fromServices(Packet.frame(frame));
        assertThat(vpc.servicesDrops().of(DropReason.NO_ROUTE)).as("another's MAC").isEqualTo(1);
        ByteBuffer.wrap(frame).putShort(12, (short) 0x86dd);
        vpc.fromServices(Packet.frame(frame));
        assertThat(vpc.servicesDrops().of(DropReason.PROTOCOL)).as("IPv6").isEqualTo(1);
        vpc.fromServices(Packet.frame(Arrays.copyOf(frame, 13)));
        assertThat(dropped()).as("not even Ethernet").isEqualTo(4);
        assertThat(received.get(0)).hasSize(1);
    }

    /** Of whatever came, for whatever reason. */
    private long dropped() {
        long dropped = 0;
        for (DropReason reason : DropReason.values()) {
            dropped += vpc.uplinkDrops().of(reason) + vpc.servicesDrops().of(reason);
            for (int i = 0; i < attachments.size(); i++) {
                dropped += drops(i, reason);
            }
        }
        return dropped;
    }
}
