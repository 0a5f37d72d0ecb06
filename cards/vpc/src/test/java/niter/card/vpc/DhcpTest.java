package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;
import org.junit.jupiter.api.Test;

/** What a DHCP client is told. */
class DhcpTest {
    private static final Ipv4.Range SUBNET = Ipv4.Range.of("172.31.0.0/20");
    private static final Interface OWN =
            new Interface(
                    "eni-1",
                    0x0e01_0000_0001L,
                    SUBNET.base() + 5,
                    SUBNET,
                    Set.of(),
                    "ip-172-31-0-5",
                    true,
                    0,
                    Ipv6.NONE);
    private static final Configuration VPC =
            Plan.of(Ipv4.Range.of("172.31.0.0/16"), Map.of(), List.of(OWN));

    private final MemorySegment reply = Arena.ofAuto().allocate(Dhcp.MAX_BYTES, 8);
    private final Dhcp dhcp = new Dhcp(reply);

    private byte[] request(int type, int client, int flags, byte... options) {
        byte[] payload = new byte[244 + options.length + 1];
        ByteBuffer dhcp = ByteBuffer.wrap(payload);
        dhcp.putInt(0x0101_0600).putInt(0x1234_5678).putShort((short) 0).putShort((short) flags);
        dhcp.putInt(client).position(28);
        dhcp.putShort((short) 0x0e01).putInt(1).position(236);
        dhcp.putInt(0x6382_5363).put((byte) 53).put((byte) 1).put((byte) type).put(options);
        dhcp.put((byte) 0xff);
        byte[] udp = new byte[8 + payload.length];
        System.arraycopy(payload, 0, udp, 8, payload.length);
        return Packet.ipv4(OWN.mac(), client, -1, 17, udp);
    }

    private int answer(byte[] frame) {
        MemorySegment memory = Arena.ofAuto().allocate(frame.length);
        memory.copyFrom(MemorySegment.ofArray(frame));
        return dhcp.answer(memory, frame.length, OWN, VPC);
    }

    private byte[] option(int wanted) {
        int at = 42 + 240;
        while (Wire.u8(reply, at) != 0xff) {
            int bytes = Wire.u8(reply, at + 1);
            if (Wire.u8(reply, at) == wanted) {
                return reply.asSlice(at + 2, bytes).toArray(ValueLayout.JAVA_BYTE);
            }
            at += 2 + bytes;
        }
        return new byte[0];
    }

    @Test
    void offersAndAcknowledges() {
        assertThat(answer(request(1, 0, 0))).isGreaterThan(300);
        assertThat(option(53)).containsExactly(2);
        assertThat(Wire.u32(reply, 42 + 16)).isEqualTo(OWN.address());
        assertThat(Wire.u32(reply, 30)).as("to its address").isEqualTo(OWN.address());
        assertThat(
                        answer(
                                request(
                                        3,
                                        0,
                                        0x8000,
                                        (byte) 50,
                                        (byte) 4,
                                        (byte) 172,
                                        (byte) 31,
                                        (byte) 0,
                                        (byte) 5)))
                .isGreaterThan(300);
        assertThat(option(53)).containsExactly(5);
        assertThat(Wire.u32(reply, 30)).as("broadcast was asked for").isEqualTo(-1);
        assertThat(option(1)).containsExactly(255, 255, 240, 0);
        assertThat(option(3)).containsExactly(172, 31, 0, 1);
        assertThat(option(6)).containsExactly(172, 31, 0, 2);
        assertThat(option(12)).asString().isEqualTo("ip-172-31-0-5");
        assertThat(option(15)).asString().isEqualTo("ec2.internal");
        assertThat(option(26)).containsExactly(0x23, 0x29);
        assertThat(option(28)).containsExactly(172, 31, 15, 255);
        assertThat(option(51)).containsExactly(0, 0, 0x0e, 0x10);
        assertThat(option(54)).containsExactly(172, 31, 0, 1);
    }

    @Test
    void renewsTheOwnAddressAndNoOther() {
        answer(request(3, OWN.address(), 0));
        assertThat(option(53)).containsExactly(5);
        assertThat(Wire.u32(reply, 42 + 12)).isEqualTo(OWN.address());
        answer(request(3, OWN.address() + 1, 0));
        assertThat(option(53)).containsExactly(6);
        assertThat(Wire.u32(reply, 42 + 16)).isZero();
    }

    @Test
    void otherServersAndOtherMessagesAreNotAnswered() {
        byte[] other =
                request(3, 0, 0, (byte) 54, (byte) 4, (byte) 1, (byte) 1, (byte) 1, (byte) 1);
        assertThat(answer(other)).isZero();
        assertThat(answer(request(7, OWN.address(), 0))).as("release").isZero();
        byte[] foreign = request(1, 0, 0);
        foreign[42 + 33] = 9;
        assertThat(answer(foreign)).isZero();
    }

    @Test
    void garbageIsReadWithinItsBounds() {
        SplittableRandom random = new SplittableRandom(3);
        for (int n = 0; n < 100_000; n++) {
            byte[] frame = request(1 + random.nextInt(8), 0, 0, new byte[random.nextInt(60)]);
            for (int i = 0; i < random.nextInt(20); i++) {
                frame[42 + random.nextInt(frame.length - 42)] = (byte) random.nextInt();
            }
            byte[] cut = Arrays.copyOf(frame, random.nextInt(42, frame.length + 1));
            assertThat(answer(cut)).isBetween(0, Dhcp.MAX_BYTES);
        }
    }
}
