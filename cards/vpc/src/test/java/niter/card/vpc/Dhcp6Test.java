package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.SplittableRandom;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;
import org.junit.jupiter.api.Test;

/** DHCPv6's messages, RFC 8415. */
class Dhcp6Test {
    private static final Interface OWN =
            new Interface(
                    "eni-0",
                    0x0e01_0203_0405L,
                    Ipv4.address("172.31.0.4"),
                    Ipv4.Range.of("172.31.0.0/20"),
                    Set.of(),
                    "ip-172-31-0-4",
                    true,
                    0,
                    Ipv6.of("fd00::4"));
    private static final Ipv6 CLIENT = Ipv6.of("fe80::1");
    private static final byte[] CLIENT_ID = option(1, new byte[] {0, 3, 0, 1, 1, 2, 3, 4, 5, 6});
    private static final byte[] SERVER_ID =
            option(2, new byte[] {0, 3, 0, 1, 0x0e, 0, (byte) 0xac, 0x1f, 0, 0});

    private final MemorySegment reply = Arena.ofAuto().allocate(1500, 8);
    private final Dhcp6 dhcp = new Dhcp6(reply);

    private static byte[] option(int code, byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        ByteBuffer option = ByteBuffer.allocate(4 + length);
        option.putShort((short) code).putShort((short) length);
        for (byte[] part : parts) {
            option.put(part);
        }
        return option.array();
    }

    private static byte[] association(String address) {
        Ipv6 of = Ipv6.of(address);
        byte[] inner =
                ByteBuffer.allocate(24).putLong(of.high()).putLong(of.low()).putLong(0).array();
        return option(3, ByteBuffer.allocate(12).putInt(0x5150).array(), option(5, inner));
    }

    private ByteBuffer ask(int type, byte[]... options) {
        byte[] message = option(type << 8 | 0xab, options); // four bytes: type, transaction
        message[2] = (byte) 0xcd;
        message[3] = (byte) 0xef;
        byte[] udp = Packet.udp(546, 547, message.length);
        System.arraycopy(message, 0, udp, 8, message.length);
        return ask(Packet.ipv6(OWN.mac(), CLIENT, Dhcp6.SERVERS, 17, 1, udp));
    }

    private ByteBuffer ask(byte[] frame) {
        MemorySegment request = Arena.ofAuto().allocate(1500, 8);
        MemorySegment.copy(frame, 0, request, ValueLayout.JAVA_BYTE, 0, frame.length);
        int bytes = dhcp.answer(request, frame.length, OWN, CLIENT);
        return ByteBuffer.wrap(reply.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE));
    }

    /** Where an option's content is, -1 where there is none. */
    private static int find(ByteBuffer answer, int code) {
        int at = 66;
        while (at < answer.capacity()) {
            if (answer.getShort(at) == code) {
                return at + 4;
            }
            at += 4 + answer.getShort(at + 2);
        }
        assertThat(at).as("whole options").isEqualTo(answer.capacity());
        return -1;
    }

    private static void assertAddress(ByteBuffer answer) {
        int at = find(answer, 3);
        assertThat(answer.getInt(at)).as("IAID").isEqualTo(0x5150);
        assertThat(answer.getShort(at + 12)).isEqualTo((short) 5);
        assertThat(new Ipv6(answer.getLong(at + 16), answer.getLong(at + 24)))
                .isEqualTo(OWN.ipv6());
        assertThat(answer.getInt(at + 36)).as("valid").isEqualTo(7200);
        assertThat(answer.getInt(at + 4)).as("T1").isEqualTo(1800);
    }

    @Test
    void anAddressIsOfferedAndGiven() {
        ByteBuffer offer = ask(1, CLIENT_ID, association("::"));
        assertThat(offer.getInt(62)).as("ADVERTISE").isEqualTo(0x02ab_cdef);
        assertThat(offer.getShort(54)).isEqualTo((short) 547);
        assertThat(offer.getShort(56)).isEqualTo((short) 546);
        assertThat(new Ipv6(offer.getLong(38), offer.getLong(46))).isEqualTo(CLIENT);
        assertThat(offer.getInt(find(offer, 1) + 6)).as("its own id").isEqualTo(0x0304_0506);
        assertAddress(offer);
        for (int type : new int[] {3, 5}) { // REQUEST, RENEW
            ByteBuffer reply = ask(type, CLIENT_ID, SERVER_ID, association("fd00::9"));
            assertThat(reply.getInt(62)).as("REPLY").isEqualTo(0x07ab_cdef);
            assertAddress(reply);
        }
        assertAddress(ask(6, CLIENT_ID, association("fd00::4")));
        ByteBuffer rapid = ask(1, CLIENT_ID, option(14), association("::"));
        assertThat(rapid.get(62)).isEqualTo((byte) 7);
        assertThat(find(rapid, 14)).isPositive();
        assertThat(find(ask(1, CLIENT_ID), 3)).as("no association was asked for").isEqualTo(-1);
    }

    @Test
    void whatNeedsNoAddressIsAnswered() {
        ByteBuffer confirmed = ask(4, CLIENT_ID, association("fd00::4"));
        assertThat(confirmed.getShort(find(confirmed, 13))).isZero();
        ByteBuffer moved = ask(4, CLIENT_ID, association("fd00::5"));
        assertThat(moved.getShort(find(moved, 13))).as("NotOnLink").isEqualTo((short) 4);
        ByteBuffer released = ask(8, CLIENT_ID, SERVER_ID, association("fd00::4"));
        assertThat(released.getShort(find(released, 13))).isZero();
        assertThat(find(ask(11), 2)).as("the server's id").isPositive();
    }

    @Test
    void whatIsForAnotherServerOrOfNobodyIsNotAnswered() {
        byte[] another = SERVER_ID.clone();
        another[13] = 7;
        assertThat(ask(3, CLIENT_ID, another, association("::")).capacity()).isZero();
        assertThat(ask(3, CLIENT_ID, association("::")).capacity()).isZero();
        assertThat(ask(1, SERVER_ID, CLIENT_ID, association("::")).capacity()).isZero();
        assertThat(ask(1, association("::")).capacity()).as("no client id").isZero();
        assertThat(ask(12, CLIENT_ID).capacity()).as("a relay's").isZero();
        assertThat(ask(1, CLIENT_ID, option(3, new byte[4])).capacity()).isZero();
        assertThat(ask(1, CLIENT_ID, new byte[] {0, 9, 0, 9, 1}).capacity()).isZero();
        assertThat(ask(1, option(1, new byte[131])).capacity()).as("DUID too long").isZero();
    }

    @Test
    void whateverComesIsAnsweredWithWholeOptionsOrNot() {
        SplittableRandom random = new SplittableRandom(11);
        int answered = 0;
        for (int n = 0; n < 50_000; n++) {
            byte[] message = new byte[random.nextInt(1, 200)];
            random.nextBytes(message);
            byte[] start = option(random.nextInt(14) << 8, CLIENT_ID, SERVER_ID, association("::"));
            start[2] = start[3] = 0;
            int length = random.nextInt(Math.min(message.length, start.length) + 1);
            System.arraycopy(start, 0, message, 0, length);
            for (int i = random.nextInt(4); i > 0 && length > 4; i--) {
                message[4 + random.nextInt(length - 4)] = (byte) random.nextInt(64);
            }
            byte[] udp = Packet.udp(546, 547, message.length);
            System.arraycopy(message, 0, udp, 8, message.length);
            boolean whole = random.nextInt(4) == 0;
            byte[] sent = whole ? java.util.Arrays.copyOf(udp, 8 + start.length) : udp;
            ByteBuffer answer = ask(Packet.ipv6(OWN.mac(), CLIENT, Dhcp6.SERVERS, 17, 1, sent));
            if (answer.capacity() > 0) {
                find(answer, -1);
                answered++;
            }
        }
        assertThat(answered).isPositive();
    }
}
