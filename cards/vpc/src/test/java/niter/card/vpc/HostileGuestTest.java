package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.LongStream;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Frames of all kinds, bent at random places: each is delivered or counted as dropped, nothing is
 * thrown, and what a neighbour gets bears the sender's own addresses.
 */
class HostileGuestTest {
    private static final int FRAMES = 20_000;
    private static final Ipv4.Range RANGE = Ipv4.Range.of("172.31.0.0/16");
    private static final Ipv4.Range SUBNET = Ipv4.Range.of("172.31.0.0/20");

    private int delivered;
    private int answered;

    static LongStream seeds() {
        return LongStream.concat(LongStream.range(1, 9), ThreadLocalRandom.current().longs(2));
    }

    private static Interface member(int index) {
        return new Interface(
                "eni-" + index,
                0x0e01_0000_0000L + index,
                SUBNET.base() + 4 + index,
                SUBNET,
                Set.of("sg"),
                "host",
                true,
                Ipv4.address("127.42.0.4") + index,
                new Ipv6(0xfdL << 56, 4 + index));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyFrameIsDeliveredOrCounted(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Surroundings around = new Surroundings();
        Vpc vpc =
                new Vpc(
                        FlowTable.over(Arena.ofAuto().allocate(FlowTable.bytes(65_536), 64)),
                        65_536,
                        () -> 0,
                        around);
        Interface own = member(0);
        Interface other = member(1);
        Attachment sender =
                new Attachment(
                        vpc,
                        own,
                        frame -> {
                            answered++;
                            return true;
                        });
        Attachment receiver =
                new Attachment(
                        vpc,
                        other,
                        frame -> {
                            byte[] got = Packet.bytes(frame);
                            assertThat(Wire.mac(frame.head(), 6)).isEqualTo(own.mac());
                            assertThat(Wire.mac(frame.head(), 0)).isEqualTo(other.mac());
                            ByteBuffer packet = ByteBuffer.wrap(got);
                            boolean six = packet.getShort(12) == (short) 0x86dd;
                            assertThat(six ? packet.getLong(30) : packet.getInt(26))
                                    .isEqualTo(six ? own.ipv6().low() : own.address());
                            delivered++;
                            return true;
                        });
        vpc.attach(sender);
        vpc.attach(receiver);
        Rule all = new Rule(Rule.ALL, 0, 0, new Rule.Addresses(Ipv4.Range.of("0.0.0.0/0")));
        Rule all6 = new Rule(Rule.ALL, 0, 0, new Rule.Addresses6(Ipv6.Range.of("::/0")));
        List<Rule> both = List.of(all, all6);
        vpc.apply(
                Plan.of(
                        RANGE,
                        Map.of("sg", new SecurityGroup("sg", both, both)),
                        List.of(own, other)));
        for (int n = 0; n < FRAMES; n++) {
            byte[] frame = frame(random, own, other);
            for (int i = random.nextInt(5); i > 0; i--) {
                int at =
                        random.nextInt(3) == 0
                                ? random.nextInt(frame.length)
                                : 12 + random.nextInt(30);
                frame[Math.min(at, frame.length - 1)] = (byte) random.nextInt();
            }
            sender.sent(Packet.frame(frame));
            sender.flush();
        }
        long drops = 0;
        for (DropReason reason : DropReason.values()) {
            drops += sender.drops(reason);
        }
        int left = around.services.size() + around.uplink.size();
        assertThat(drops + delivered + answered + left).isEqualTo(FRAMES);
        assertThat(left).isPositive();
        assertThat(delivered).isGreaterThan(FRAMES / 20);
    }

    private static byte[] ipv6(Interface own, Interface other, int next, byte[] payload) {
        return Packet.ipv6(own.mac(), own.ipv6(), other.ipv6(), next, 255, payload);
    }

    private static byte[] solicitation(SplittableRandom random, Interface other) {
        return ByteBuffer.allocate(32)
                .put((byte) (132 + random.nextInt(6)))
                .putLong(8, other.ipv6().high())
                .putLong(16, other.ipv6().low())
                .put(24, (byte) random.nextInt(3))
                .put(25, (byte) random.nextInt(3))
                .array();
    }

    private static byte[] dhcp6(SplittableRandom random, Interface own) {
        byte[] payload = Packet.udp(546, 547, 60);
        payload[8] = (byte) random.nextInt(13);
        payload[13] = 1; // the client's id
        payload[15] = 10;
        payload[27] = (byte) random.nextInt(5);
        payload[29] = (byte) random.nextInt(40);
        Ipv6 client = new Ipv6(0xfe80L << 48, random.nextInt(3));
        return Packet.ipv6(own.mac(), client, Dhcp6.SERVERS, 17, 1, payload);
    }

    private static byte[] frame(SplittableRandom random, Interface own, Interface other) {
        int target = random.nextInt(8) == 0 ? random.nextInt() : other.address();
        byte[] whole =
                switch (random.nextInt(8)) {
                    case 5 ->
                            ipv6(own, random.nextBoolean() ? own : other, 17, Packet.udp(9, 9, 40));
                    case 6 -> ipv6(own, other, 58, solicitation(random, other));
                    case 7 -> dhcp6(random, own);
                    case 0 ->
                            Packet.arp(
                                    own.mac(), own.mac(), own.address(), target, random.nextInt(3));
                    case 1 -> Packet.ipv4(own.mac(), own.address(), target, 6, Packet.tcp(1, 2, 2));
                    case 2 ->
                            Packet.ipv4(own.mac(), own.address(), target, 1, Packet.icmp(3, 1, 0));
                    case 3 ->
                            Packet.ipv4(
                                    own.mac(), 0, -1, 17, Packet.udp(68, 67, random.nextInt(400)));
                    default ->
                            Packet.ipv4(
                                    own.mac(),
                                    own.address(),
                                    target,
                                    17,
                                    Packet.udp(random.nextInt(100), 53, random.nextInt(900)));
                };
        return random.nextInt(6) == 0
                ? Arrays.copyOf(whole, 1 + random.nextInt(whole.length))
                : whole;
    }
}
