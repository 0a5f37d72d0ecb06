package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;
import niter.controller.control.CardEvents;
import niter.controller.control.Ipv4;
import niter.controller.control.protocol.EnsureInterface;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.NetworkInterface;
import niter.controller.control.protocol.SetNetwork;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.Mapping;
import niter.linux.MemoryFile;
import niter.pcie.FunctionClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What {@code ethtool -S} shows of allowances: a driver's admin queue, and a card that ends. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class AllowancesTest {
    private static final ValueLayout.OfInt LE32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort LE16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LE64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final String ID = "eni-0123456789abcdef0";
    private static final int RAM_BYTES = 1 << 20;
    private static final int COMMANDS = 0x1000;
    private static final int ANSWERS = 0x2000;
    private static final int COMPLETIONS = 0x4000;
    private static final int DESCRIPTORS = 0x8000;
    private static final int PACKET = 0x10000;
    private static final int DEPTH = 1024;
    private static final int ADMIN_DEPTH = 32;

    @TempDir Path directory;
    private final HeldHere keeper = new HeldHere();
    private final CardEvents events = new CardEvents();
    private final Descriptor memory = MemoryFile.create("ram", RAM_BYTES);
    private final Mapping mapping = Mapping.map(memory.number(), 0, RAM_BYTES, true);
    private final MemorySegment ram = mapping.segment();
    private Card card;
    private FunctionClient client;
    private int submitted;
    private int doorbell;
    private int sent;

    @BeforeEach
    void begin() throws IOException {
        card = newCard(Map.of());
        NetworkInterface.Builder own =
                NetworkInterface.newBuilder()
                        .setInterfaceId(ID)
                        .setMac("0e:01:02:03:04:05")
                        .setPrivateIpv4("172.31.0.4")
                        .setSubnetCidr("172.31.0.0/20")
                        .setHostName("ip-172-31-0-4")
                        .setSourceDestCheck(true);
        Path socket = directory.resolve("f.sock");
        ask(
                ToCard.newBuilder()
                        .setEnsureInterface(
                                EnsureInterface.newBuilder()
                                        .setFunctionId(ID)
                                        .setSocketPath(socket.toString())
                                        .setInterface(own)));
        ask(
                ToCard.newBuilder()
                        .setSetNetwork(
                                SetNetwork.newBuilder()
                                        .setVpcCidr("172.31.0.0/16")
                                        .setDomain("ec2.internal")
                                        .addInterface(own)));
        client = FunctionClient.connect(socket);
        client.map(memory, 0, 0, RAM_BYTES, 3);
        client.write(7, 4, 2, 6);
        client.write(0, 0x10, 4, COMMANDS);
        client.write(0, 0x14, 4, 0);
        client.write(0, 0x20, 4, ANSWERS);
        client.write(0, 0x24, 4, 0);
        client.write(0, 0x18, 4, ADMIN_DEPTH | 64 << 16);
        client.write(0, 0x28, 4, ADMIN_DEPTH | 64 << 16);
    }

    @AfterEach
    void end() {
        client.close();
        card.detach();
        keeper.close();
        mapping.close();
        memory.close();
    }

    private Card newCard(Map<String, Descriptor> given) throws IOException {
        return new Card(
                keeper,
                given,
                events,
                new Card.Neighbours(
                        directory.resolve("services"),
                        directory.resolve("uplink"),
                        directory.resolve("capture")));
    }

    private void ask(ToCard.Builder request) {
        FromCard answer = card.answer(request.build()).build();
        assertThat(answer.hasDone()).describedAs(answer.toString()).isTrue();
    }

    private static int phase(int position, int depth) {
        return position / depth & 1 ^ 1;
    }

    private MemorySegment command(int opcode) {
        MemorySegment slot = ram.asSlice(COMMANDS + 64L * (submitted % ADMIN_DEPTH), 64);
        slot.fill((byte) 0);
        slot.set(LE16, 0, (short) (submitted % ADMIN_DEPTH));
        slot.set(ValueLayout.JAVA_BYTE, 2, (byte) opcode);
        slot.set(ValueLayout.JAVA_BYTE, 3, (byte) phase(submitted, ADMIN_DEPTH));
        return slot;
    }

    private MemorySegment submit() throws IOException {
        MemorySegment answer = ram.asSlice(ANSWERS + 64L * (submitted % ADMIN_DEPTH), 64);
        int phase = phase(submitted, ADMIN_DEPTH);
        submitted++;
        client.write(0, 0x2c, 4, submitted & 0xffff);
        while ((answer.get(ValueLayout.JAVA_BYTE, 3) & 1) != phase) {
            client.read(0, 0x58, 4); // it is polled between two messages
        }
        assertThat(answer.get(ValueLayout.JAVA_BYTE, 2)).as("status").isZero();
        return answer;
    }

    private void createTransmitQueue() throws IOException {
        MemorySegment completions = command(3);
        completions.set(ValueLayout.JAVA_BYTE, 5, (byte) 2);
        completions.set(LE16, 6, (short) DEPTH);
        completions.set(LE32, 8, -1); // no interrupts
        completions.set(LE64, 12, COMPLETIONS);
        short index = submit().get(LE16, 8);
        MemorySegment submissions = command(1);
        submissions.set(ValueLayout.JAVA_BYTE, 4, (byte) (1 << 5));
        submissions.set(ValueLayout.JAVA_BYTE, 6, (byte) 1);
        submissions.set(LE16, 8, index);
        submissions.set(LE16, 10, (short) DEPTH);
        submissions.set(LE64, 12, DESCRIPTORS);
        doorbell = submit().get(LE32, 12);
    }

    /** Sends the packet as often as the ring has places; all are completed when this returns. */
    private void fillTheRing(int bytes) throws IOException {
        int phase = phase(sent, DEPTH);
        for (int i = 0; i < DEPTH; i++) {
            MemorySegment descriptor = ram.asSlice(DESCRIPTORS + 16L * i, 16);
            descriptor.set(LE32, 0, bytes | phase << 24 | 1 << 26 | 1 << 27 | 1 << 28);
            descriptor.set(LE32, 4, i << 22);
            descriptor.set(LE64, 8, PACKET);
        }
        sent += DEPTH;
        client.write(0, doorbell, 4, sent & 0xffff);
        while ((ram.get(ValueLayout.JAVA_BYTE, COMPLETIONS + 8L * (DEPTH - 1) + 3) & 1) != phase) {
            client.read(0, 0x58, 4);
        }
    }

    private long linkLocalExceeded() throws IOException {
        command(11).set(ValueLayout.JAVA_BYTE, 16, (byte) 2);
        return submit().get(LE64, 40);
    }

    /** "What a guest can see lives in the function segment": ethtool -S shows this. */
    @Test
    void whatAGuestIsToldOfItsAllowancesOutlivesTheProcess() throws IOException {
        byte[] packet =
                Packet.ipv4(
                        0x0e01_0203_0405L,
                        Ipv4.address("172.31.0.4"),
                        Ipv4.address("169.254.169.254"),
                        17,
                        Packet.udp(1, 2, 0));
        MemorySegment.copy(packet, 0, ram, ValueLayout.JAVA_BYTE, PACKET, packet.length);
        createTransmitQueue();
        assertThat(linkLocalExceeded()).isZero();
        while (linkLocalExceeded() == 0) { // until there were more than 1,024 in a second
            fillTheRing(packet.length);
        }
        long told = linkLocalExceeded();
        card.detach(); // its process ends; the connection is the keeper's still
        card = newCard(keeper.given());
        assertThat(linkLocalExceeded()).as("after a kill").isEqualTo(told);
    }
}
