package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A packet's time is that of its batch, whatever went before. */
class ClockTest {
    private static final Ipv4.Range RANGE = Ipv4.Range.of("172.31.0.0/16");
    private static final Ipv4.Range SUBNET = Ipv4.Range.of("172.31.0.0/20");
    private static final Ipv4.Range ALL = Ipv4.Range.of("0.0.0.0/0");
    private static final int FAR = Ipv4.address("203.0.113.9");
    private static final long UPLINK_MAC = 0x5255_c000_0202L;
    private static final long SECOND = 1_000_000_000L;

    private long nanos;
    private final Surroundings around = new Surroundings();
    private final Vpc vpc =
            new Vpc(
                    FlowTable.over(Arena.ofAuto().allocate(FlowTable.bytes(1024), 64)),
                    1024,
                    () -> nanos,
                    around);
    private final List<Attachment> attachments = new ArrayList<>();
    private final List<Queue<byte[]>> received = new ArrayList<>();
    private final List<Interface> interfaces = new ArrayList<>();

    @BeforeEach
    void plugIn() {
        add(Ipv4.address("127.42.0.4"));
        add(0);
        Rule out = new Rule(Rule.ALL, -1, -1, new Rule.Addresses(ALL));
        Map<String, SecurityGroup> groups = new HashMap<>();
        groups.put("sg-default", new SecurityGroup("sg-default", List.of(), List.of(out)));
        vpc.apply(Plan.of(RANGE, groups, interfaces));
    }

    private void add(int publicAddress) {
        int index = interfaces.size();
        Interface config =
                new Interface(
                        "eni-" + index,
                        0x0e01_0000_0000L + index,
                        SUBNET.base() + 4 + index,
                        SUBNET,
                        Set.of("sg-default"),
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

    /** A batch of one: as TransmitPath has it, the frames, then flush. */
    private void send(int from, int to, int protocol, byte[] payload) {
        Interface own = interfaces.get(from);
        attachments
                .get(from)
                .sent(Packet.frame(Packet.ipv4(own.mac(), own.address(), to, protocol, payload)));
        attachments.get(from).flush();
    }

    private boolean arrives(int protocol, byte[] payload) {
        int target = interfaces.get(0).address();
        vpc.fromUplink(Packet.frame(Packet.ipv4(UPLINK_MAC, FAR, target, protocol, payload)));
        return received.get(0).poll() != null;
    }

    /** A guest that asks a resolver of the world something once a minute. */
    @Test
    void everyQuestionOfAGuestIsAnswered() {
        for (int minute = 0; minute < 3; minute++) {
            send(0, FAR, 17, Packet.udp(5000 + minute, 53, 0));
            nanos += SECOND / 100;
            assertThat(arrives(17, Packet.udp(53, 5000 + minute, 0)))
                    .as("the answer of minute %d, 10 ms after the question", minute)
                    .isTrue();
            nanos += 60 * SECOND;
        }
    }

    /** A connection to the world, a while after the last packet from there. */
    @Test
    void aConnectionsFirstAnswerArrives() {
        send(0, FAR, 6, Packet.tcp(1000, 443, 2));
        assertThat(arrives(6, Packet.tcp(443, 1000, 0x12))).isTrue();
        nanos += 61 * SECOND;
        send(0, FAR, 6, Packet.tcp(1001, 443, 2));
        nanos += SECOND / 100;
        assertThat(arrives(6, Packet.tcp(443, 1001, 0x12))).as("SYN+ACK after 10 ms").isTrue();
    }

    /** What has ended is not alive because a stranger's packet came before it did. */
    @Test
    void aFlowThatWasIdleForTooLongIsNotAlive() {
        int zero = interfaces.get(0).address();
        int one = interfaces.get(1).address();
        send(0, one, 17, Packet.udp(5000, 53, 0)); // refused: nothing may enter there
        send(1, FAR, 17, Packet.udp(1, 1, 0));
        open();
        send(0, one, 17, Packet.udp(5000, 53, 0));
        assertThat(received.get(1).poll()).as("begins").isNotNull();
        send(1, zero, 17, Packet.udp(53, 5000, 0));
        assertThat(received.get(0).poll()).as("is answered").isNotNull();
        arrives(17, Packet.udp(9, 9, 0)); // refused; leaves its time behind
        nanos += 3600 * SECOND;
        send(1, zero, 17, Packet.udp(53, 5000, 0));
        assertThat(received.get(0).poll()).as("an hour later, no rule lets it enter").isNull();
    }

    /** Lets UDP enter the second interface only. */
    private void open() {
        Rule out = new Rule(Rule.ALL, -1, -1, new Rule.Addresses(ALL));
        Rule in = new Rule(17, 53, 53, new Rule.Addresses(RANGE));
        Map<String, SecurityGroup> groups = new HashMap<>();
        groups.put("sg-default", new SecurityGroup("sg-default", List.of(in), List.of(out)));
        vpc.apply(Plan.of(RANGE, groups, interfaces));
    }

    /** A guest's first packet comes when it has booted. */
    @Test
    void theTimeOfPluggingInIsNotThatOfTheFirstPacket() {
        nanos += 31 * SECOND;
        send(0, FAR, 17, Packet.udp(5000, 53, 0));
        nanos += SECOND / 100;
        assertThat(arrives(17, Packet.udp(53, 5000, 0))).as("answer after 10 ms").isTrue();
    }
}
