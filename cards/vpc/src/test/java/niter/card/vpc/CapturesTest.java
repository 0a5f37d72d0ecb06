package niter.card.vpc;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;
import niter.linux.Descriptor;
import niter.linux.MessageHeader;
import niter.linux.UnixSocket;
import niter.pcie.Core;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Those who want to see packets, through the socket that they come by. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CapturesTest {
    private static final String ID = "eni-0";
    private static final int MOST = 16;

    @TempDir Path directory;
    private final Core core = new Core("test");
    private final MemorySegment buffer = Arena.ofAuto().allocate(1 << 17, 8);
    private final List<Descriptor> clients = new ArrayList<>();
    private Captures captures;
    private Attachment attachment;

    @BeforeEach
    void begin() throws IOException {
        Vpc vpc =
                new Vpc(
                        FlowTable.over(Arena.ofAuto().allocate(FlowTable.bytes(64), 64)),
                        64,
                        System::nanoTime,
                        new Surroundings());
        Ipv4.Range subnet = Ipv4.Range.of("172.31.0.0/20");
        Interface config =
                new Interface(
                        ID,
                        0x0e01_0000_0000L,
                        subnet.base() + 4,
                        subnet,
                        Set.of(),
                        "a",
                        true,
                        0,
                        Ipv6.NONE);
        attachment = new Attachment(vpc, config, _ -> true);
        vpc.attach(attachment);
        captures = new Captures(directory.resolve("capture"), core, vpc);
        core.start();
        captures.start();
    }

    @AfterEach
    void end() {
        clients.forEach(Descriptor::close);
        core.close();
        captures.close();
    }

    private Descriptor connect(String name) {
        Descriptor client =
                UnixSocket.connect(directory.resolve("capture"), UnixSocket.Type.SEQPACKET);
        clients.add(client);
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        MemorySegment.copy(bytes, 0, buffer, JAVA_BYTE, 0, bytes.length);
        UnixSocket.send(client.number(), buffer.address(), bytes.length, 0);
        return client;
    }

    /** The next message, of no bytes at the end. */
    private byte[] read(Descriptor from) {
        MessageHeader message = MessageHeader.allocate(Arena.ofAuto(), 1, 0);
        message.iovec(0, buffer.address(), buffer.byteSize());
        long got = UnixSocket.recvmsg(from.number(), message.address(), 0);
        return buffer.asSlice(0, Math.max(0, got)).toArray(JAVA_BYTE);
    }

    private void onCore(Runnable action) {
        CompletableFuture<Boolean> done = new CompletableFuture<>();
        core.execute(
                () -> {
                    action.run();
                    done.complete(true);
                });
        done.join();
    }

    private static int type(byte[] block) {
        return ByteBuffer.wrap(block).order(ByteOrder.nativeOrder()).getInt(0);
    }

    private static int length(byte[] block) {
        return ByteBuffer.wrap(block).order(ByteOrder.nativeOrder()).getInt(20);
    }

    private static byte[] packet(int length) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) 0x5a);
        return bytes;
    }

    @Test
    void whatIsSentAndDeliveredIsShown() {
        Descriptor client = connect(ID);
        assertThat(type(read(client))).isEqualTo(0x0a0d_0d0a);
        onCore(() -> attachment.sent(Packet.frame(packet(60)))); // though it is dropped
        onCore(() -> attachment.deliver(Packet.frame(packet(9000))));
        byte[] sent = read(client);
        byte[] received = read(client);
        assertThat(Arrays.copyOfRange(sent, 28, 28 + 60)).isEqualTo(packet(60));
        assertThat(Arrays.copyOfRange(received, 28, 28 + 9000)).isEqualTo(packet(9000));
        assertThat(sent[28 + 60 + 4]).as("outbound").isEqualTo((byte) 2);
        assertThat(received[28 + 9000 + 4]).as("inbound").isEqualTo((byte) 1);
        assertThat(attachment.drops(DropReason.SPOOFED_MAC)).isEqualTo(1);
    }

    @Test
    void whoReadsTooSlowlyIsToldWhatItMissed() {
        Descriptor client = connect(ID);
        read(client);
        for (int i = 0; i < 1000; i++) {
            onCore(() -> attachment.deliver(Packet.frame(packet(9000))));
        }
        assertThat(length(read(client))).isEqualTo(9000); // there is room again
        onCore(() -> attachment.deliver(Packet.frame(packet(60))));
        int shown = 1;
        long missed = 0;
        byte[] block;
        do {
            block = read(client);
            shown++;
            ByteBuffer read = ByteBuffer.wrap(block).order(ByteOrder.nativeOrder());
            int options = 28 + (length(block) + 3 & ~3) + 8;
            missed += read.getShort(options) == 4 ? read.getLong(options + 4) : 0;
        } while (length(block) != 60);
        assertThat(missed).isPositive();
        assertThat(shown + missed).isEqualTo(1001);
    }

    @Test
    void theInterfacesEndIsTheCaptures() {
        Descriptor client = connect(ID);
        read(client);
        onCore(() -> captures.ended(ID));
        assertThat(read(client)).isEmpty();
        onCore(() -> attachment.deliver(Packet.frame(packet(60)))); // shown to nobody
        assertThat(read(connect("eni-other"))).as("not there").isEmpty();
    }

    @Test
    void oneTooManyIsToldSo() {
        for (int i = 0; i < MOST; i++) {
            read(connect(ID));
        }
        assertThat(new String(read(connect(ID)), StandardCharsets.UTF_8))
                .isEqualTo("expected no more than 16 captures at once");
        clients.removeFirst().close();
        while (read(connect(ID))[0] != 0x0a) {
            Thread.onSpinWait(); // the card has not seen the other's end yet
        }
    }
}
