package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
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

/** IPv6 between three interfaces, and what the router answers itself. */
class Ipv6RouterTest {
    private static final Ipv4.Range SUBNET = Ipv4.Range.of("172.31.0.0/20");
    private static final Ipv6 LINK_LOCAL = Ipv6.of("fe80::c01:ff:fe00:0");
    private static final Ipv6 ROUTER = Ipv6.of("fe80::c00:acff:fe1f:0");
    private static final int SYN = 2;
    private static final int ACK = 16;

    private final Surroundings around = new Surroundings();
    private final Vpc vpc =
            new Vpc(
                    FlowTable.over(Arena.ofAuto().allocate(FlowTable.bytes(1024), 64)),
                    1024,
                    this::now,
                    around);
    private final List<Queue<byte[]>> received = new ArrayList<>();
    private final List<Interface> interfaces = new ArrayList<>();
    private final List<Attachment> attachments = new ArrayList<>();
    private final int[] mtus = {9001, 9001, 9001};
    private long nanos;

    private long now() {
        return nanos;
    }

    @BeforeEach
    void plugIn() {
        Rule out = new Rule(Rule.ALL, -1, -1, new Rule.Addresses6(Ipv6.Range.of("::/0")));
        Rule ssh = new Rule(6, 22, 22, new Rule.Addresses6(Ipv6.Range.of("fd00::4/128")));
        Rule four = new Rule(Rule.ALL, -1, -1, new Rule.Addresses(Ipv4.Range.of("0.0.0.0/0")));
        for (int i = 0; i < 3; i++) {
            add(i, "sg-" + i);
        }
        vpc.apply(
                Plan.of(
                        Ipv4.Range.of("172.31.0.0/16"),
                        Map.of(
                                "sg-0", new SecurityGroup("sg-0", List.of(out), List.of(out)),
                                "sg-1", new SecurityGroup("sg-1", List.of(ssh), List.of(out)),
                                "sg-2", new SecurityGroup("sg-2", List.of(four), List.of(four))),
                        interfaces));
    }

    private void add(int index, String group) {
        Interface config =
                new Interface(
                        "eni-" + index,
                        0x0e01_0000_0000L + index,
                        SUBNET.base() + 4 + index,
                        SUBNET,
                        Set.of(group),
                        "ip-" + index,
                        true,
                        0,
                        new Ipv6(0xfdL << 56, 4 + index));
        interfaces.add(config);
        received.add(new ArrayDeque<>());
        Port port =
                new Port() {
                    @Override
                    public boolean receive(Frame frame) {
                        return received.get(index).add(Packet.bytes(frame));
                    }

                    @Override
                    public int mtu() {
                        return mtus[index];
                    }
                };
        Attachment attachment = new Attachment(vpc, config, port);
        attachments.add(attachment);
        vpc.attach(attachment);
    }

    private byte[] packet(int from, int to, int next, byte[] payload) {
        Interface sender = interfaces.get(from);
        return Packet.ipv6(
                sender.mac(), sender.ipv6(), interfaces.get(to).ipv6(), next, 64, payload);
    }

    private void send(int from, byte[] frame) {
        attachments.get(from).sent(Packet.frame(frame));
        attachments.get(from).flush();
    }

    private boolean passes(int from, int to, int next, byte[] payload) {
        send(from, packet(from, to, next, payload));
        return received.get(to).poll() != null;
    }

    private long drops(DropReason reason) {
        return attachments.get(0).drops(reason);
    }

    /** What the first guest is told when it sends this from its address on the link. */
    private ByteBuffer ask(Ipv6 source, Ipv6 destination, int next, byte[] payload) {
        send(0, Packet.ipv6(interfaces.get(0).mac(), source, destination, next, 255, payload));
        byte[] answer = received.get(0).poll();
        if (answer != null) {
            assertSum(answer);
        }
        return ByteBuffer.wrap(answer == null ? new byte[0] : answer);
    }

    private static void assertSum(byte[] frame) {
        Frame whole = Packet.frame(frame);
        int bytes = frame.length - 54;
        long pseudo = whole.sum(22, 32) + bytes + frame[20];
        assertThat(Checksum.fold(pseudo + whole.sum(54, bytes))).as("checksum").isEqualTo(0xffff);
        assertThat(ByteBuffer.wrap(frame).getShort(18)).isEqualTo((short) bytes);
    }

    private static byte[] solicitation(Ipv6 target, long mac) {
        return ByteBuffer.allocate(32)
                .put((byte) 135)
                .putLong(8, target.high())
                .putLong(16, target.low())
                .putShort(24, (short) 0x0101)
                .putShort(26, (short) (mac >>> 32))
                .putInt(28, (int) mac)
                .array();
    }

    private ByteBuffer neighbor(Ipv6 source, Ipv6 target) {
        return ask(source, ROUTER, 58, solicitation(target, interfaces.get(0).mac()));
    }

    @Test
    void groupsDecideAndAnswersPass() {
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 22, SYN))).isTrue();
        assertThat(passes(1, 0, 6, Packet.tcp(22, 1000, SYN | ACK))).isTrue();
        assertThat(passes(0, 1, 6, Packet.tcp(1000, 23, SYN))).isFalse();
        assertThat(passes(2, 1, 6, Packet.tcp(1000, 22, SYN))).as("rules of IPv4").isFalse();
        assertThat(passes(0, 2, 17, Packet.udp(1, 2, 0))).as("rules of IPv4").isFalse();
        assertThat(passes(1, 0, 58, Packet.icmp(128, 0, 7))).isTrue();
        assertThat(passes(0, 1, 58, Packet.icmp(129, 0, 7))).isTrue();
        assertThat(passes(0, 1, 58, Packet.icmp(129, 0, 8))).isFalse();
        assertThat(drops(DropReason.GROUP_IN)).isEqualTo(3);
    }

    @Test
    void errorsAboutAFlowPass() {
        assertThat(passes(1, 0, 17, Packet.udp(700, 800, 0))).isTrue();
        assertThat(passes(0, 1, 58, error(1, packet(1, 0, 17, Packet.udp(700, 800, 0))))).isTrue();
        assertThat(passes(0, 1, 58, error(2, packet(1, 0, 17, Packet.udp(700, 801, 0))))).isFalse();
        assertThat(passes(0, 1, 58, error(130, packet(1, 0, 17, Packet.udp(700, 800, 0)))))
                .as("no error")
                .isFalse();
    }

    private static byte[] error(int type, byte[] about) {
        byte[] payload = new byte[8 + about.length - 14];
        payload[0] = (byte) type;
        System.arraycopy(about, 14, payload, 8, about.length - 14);
        return payload;
    }

    @Test
    void theRouterAdvertisesItselfToWhoAsks() {
        ByteBuffer answer =
                ask(
                        LINK_LOCAL,
                        Ipv6.of("ff02::2"),
                        58,
                        new byte[] {(byte) 133, 0, 0, 0, 0, 0, 0, 0});
        assertThat(answer.get(54)).as("an advertisement").isEqualTo((byte) 134);
        assertThat(answer.get(59)).as("addresses by DHCPv6").isEqualTo((byte) 0x80);
        assertThat(answer.getShort(60)).isEqualTo((short) 9000);
        assertThat(answer.get(21)).as("hop limit").isEqualTo((byte) 255);
        assertThat(new Ipv6(answer.getLong(22), answer.getLong(30))).isEqualTo(ROUTER);
        assertThat(new Ipv6(answer.getLong(38), answer.getLong(46))).isEqualTo(LINK_LOCAL);
        assertThat(answer.getInt(82)).as("MTU").isEqualTo(9001);
        assertThat(answer.capacity()).as("no prefix").isEqualTo(86);
    }

    @Test
    void theRouterIsAdvertisedAgain() {
        assertThat(neighbor(LINK_LOCAL, ROUTER).get(54)).isEqualTo((byte) 136);
        assertThat(received.get(0)).isEmpty();
        nanos += 301_000_000_000L;
        assertThat(neighbor(LINK_LOCAL, ROUTER).get(54)).isEqualTo((byte) 136);
        assertThat(received.get(0).remove()[54]).isEqualTo((byte) 134);
        neighbor(LINK_LOCAL, ROUTER);
        assertThat(received.get(0)).isEmpty();
    }

    @Test
    void theMappingServiceAnswers() {
        ByteBuffer router = neighbor(LINK_LOCAL, ROUTER);
        assertThat(router.get(58) & 0xe0).as("router, solicited, override").isEqualTo(0xe0);
        assertThat(router.getInt(82)).isEqualTo(0xac1f_0000);
        ByteBuffer other = neighbor(interfaces.get(0).ipv6(), interfaces.get(1).ipv6());
        assertThat(other.get(58) & 0xe0).isEqualTo(0x60);
        assertThat(other.getInt(82)).isEqualTo(1);
        assertThat(neighbor(LINK_LOCAL, Ipv6.of("fd00::99")).capacity()).as("nobody").isZero();
        assertThat(neighbor(Ipv6.NONE, interfaces.get(0).ipv6()).capacity()).as("itself").isZero();
        assertThat(neighbor(LINK_LOCAL, Ipv6.of("fe80::7")).capacity()).isZero();
        ByteBuffer defended = neighbor(Ipv6.NONE, interfaces.get(1).ipv6());
        assertThat(new Ipv6(defended.getLong(38), defended.getLong(46)))
                .isEqualTo(NeighborDiscovery.ALL_NODES);
        assertThat(drops(DropReason.NO_ROUTE)).isEqualTo(2);
        assertThat(drops(DropReason.BROADCAST)).isEqualTo(1);
    }

    @Test
    void poisonReachesNobody() {
        byte[] advertisement = solicitation(interfaces.get(1).ipv6(), interfaces.get(0).mac());
        for (int type : new int[] {134, 136, 137}) {
            advertisement[0] = (byte) type;
            ask(LINK_LOCAL, NeighborDiscovery.ALL_NODES, 58, advertisement);
            ask(LINK_LOCAL, interfaces.get(1).ipv6(), 58, advertisement);
        }
        assertThat(drops(DropReason.BROADCAST)).isEqualTo(6);
        byte[] anothers = solicitation(ROUTER, 0x0e02_0000_0000L);
        assertThat(ask(LINK_LOCAL, ROUTER, 58, anothers).capacity()).isZero();
        assertThat(drops(DropReason.SPOOFED_MAC)).isEqualTo(1);
        byte[] proper = solicitation(ROUTER, interfaces.get(0).mac());
        assertThat(ask(interfaces.get(1).ipv6(), ROUTER, 58, proper).capacity()).isZero();
        assertThat(drops(DropReason.SPOOFED_ADDRESS)).isEqualTo(1);
        send(0, Packet.ipv6(interfaces.get(0).mac(), LINK_LOCAL, ROUTER, 58, 64, proper));
        assertThat(drops(DropReason.MALFORMED)).as("came from afar").isEqualTo(1);
        received.forEach(queue -> assertThat(queue).isEmpty());
    }

    @Test
    void whatLeavesNoLinkGoesNowhere() {
        byte[] udp = Packet.udp(1, 2, 0);
        ask(LINK_LOCAL, interfaces.get(1).ipv6(), 17, udp);
        ask(interfaces.get(1).ipv6(), interfaces.get(1).ipv6(), 17, udp);
        assertThat(drops(DropReason.SPOOFED_ADDRESS)).isEqualTo(2);
        ask(interfaces.get(0).ipv6(), Ipv6.of("ff02::fb"), 17, udp);
        assertThat(drops(DropReason.BROADCAST)).isEqualTo(1);
        Ipv6 mapped = new Ipv6(0, FlowKey.mapped(interfaces.get(1).address()));
        for (Ipv6 nobody : List.of(mapped, Ipv6.of("2001:db8::1"), interfaces.get(0).ipv6())) {
            ask(interfaces.get(0).ipv6(), nobody, 17, udp);
        }
        assertThat(drops(DropReason.NO_ROUTE)).isEqualTo(3);
        received.forEach(queue -> assertThat(queue).isEmpty());
        assertThat(around.uplink).isEmpty();
    }

    @Test
    void aPacketThatIsTooLongIsAnswered() {
        mtus[0] = 1500;
        byte[] large = packet(1, 0, 17, Packet.udp(5, 5, 2000));
        send(1, large);
        byte[] answer = received.get(1).remove();
        assertSum(answer);
        assertThat(answer[54]).as("Packet Too Big").isEqualTo((byte) 2);
        assertThat(ByteBuffer.wrap(answer).getInt(58)).isEqualTo(1500);
        assertThat(answer).hasSize(14 + 1280);
        assertThat(attachments.get(1).drops(DropReason.TOO_BIG)).isEqualTo(1);
        assertThat(received.get(0)).isEmpty();
        assertThat(passes(1, 0, 17, Packet.udp(5, 5, 1452))).isTrue();
    }

    @Test
    void fragmentsFollowTheirFirst() {
        byte[] first = fragment(0, 77, Packet.udp(5, 5, 16));
        byte[] second = fragment(24, 77, new byte[16]);
        assertThat(passes(1, 0, 44, second)).isFalse();
        assertThat(passes(1, 0, 44, first)).isTrue();
        assertThat(passes(1, 0, 44, second)).isTrue();
        assertThat(passes(1, 0, 44, fragment(24, 78, new byte[16]))).isFalse();
        assertThat(attachments.get(1).drops(DropReason.FRAGMENT)).isEqualTo(2);
    }

    private static byte[] fragment(int offset, int id, byte[] part) {
        return ByteBuffer.allocate(8 + part.length)
                .put((byte) 17)
                .put((byte) 0)
                .putShort((short) (offset | 1)) // more follow
                .putInt(id)
                .put(part)
                .array();
    }

    @Test
    void anAddressesFlowsEndWithItsInterface() {
        assertThat(passes(1, 0, 17, Packet.udp(53, 54, 0))).isTrue();
        assertThat(passes(0, 1, 17, Packet.udp(54, 53, 0))).isTrue();
        vpc.detach("eni-0");
        vpc.attach(attachments.get(0));
        assertThat(passes(0, 1, 17, Packet.udp(54, 53, 0))).isFalse();
    }

    @Test
    void anAddressThatMakesNoSenseIsRefused() {
        Interface own = interfaces.get(0);
        for (String text : List.of("fe80::1", "ff02::1", "::1")) {
            assertThatThrownBy(
                            () ->
                                    new Interface(
                                            "eni-9",
                                            1,
                                            own.address(),
                                            SUBNET,
                                            Set.of(),
                                            "",
                                            true,
                                            0,
                                            Ipv6.of(text)))
                    .hasMessageContaining("ipv6: expected a global or unique local address");
        }
    }

    /**
     * A later part of a long echo begins with whatever the echo carries: it is no neighbor
     * discovery, though its first byte may be a type of that.
     */
    @Test
    void laterPartsOfAnEchoPassWhateverTheyCarry() {
        assertThat(passes(1, 0, 44, part(0, true, 128))).as("the first one").isTrue();
        List<Integer> lost = new ArrayList<>();
        for (int content = 0; content < 256; content++) {
            if (!passes(1, 0, 44, part(1448, false, content))) {
                lost.add(content);
            }
        }
        assertThat(lost).as("first bytes of parts that did not arrive").isEmpty();
    }

    /** A fragment header of ICMPv6 (RFC 8200, section 4.5), and eight bytes or more behind it. */
    private static byte[] part(int offset, boolean more, int content) {
        byte[] payload = new byte[8 + 1448];
        ByteBuffer.wrap(payload)
                .put((byte) 58)
                .put((byte) 0)
                .putShort((short) (offset | (more ? 1 : 0)))
                .putInt(7)
                .put((byte) content);
        return payload;
    }
}
