package niter.controller.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import niter.controller.control.protocol.Failed;
import niter.controller.control.protocol.FromKeeper;
import niter.controller.control.protocol.Hold;
import niter.controller.control.protocol.ToKeeper;
import niter.linux.Descriptor;
import niter.linux.EventFd;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ControlChannelTest {
    private Descriptor[] sockets;
    private ControlChannel ours;
    private ControlChannel theirs;

    @BeforeEach
    void connect() {
        sockets = UnixSocket.pair(UnixSocket.Type.SEQPACKET);
        ours = new ControlChannel(sockets[0]);
        theirs = new ControlChannel(sockets[1]);
    }

    @AfterEach
    void disconnect() {
        ours.close();
        theirs.close();
    }

    @Test
    void carriesMessagesWithTheirDescriptorsInOrder() throws IOException {
        try (Descriptor first = EventFd.create();
                Descriptor second = EventFd.create()) {
            ours.send(hold("a", "b"), first, second);
            ours.send(ToKeeper.getDefaultInstance());
            EventFd.signal(second.number());
        }
        var received = receive();
        assertThat(received.message()).isEqualTo(hold("a", "b"));
        assertThat(received.descriptors()).hasSize(2);
        assertThat(EventFd.drain(received.descriptors().get(0).number())).isZero();
        assertThat(EventFd.drain(received.descriptors().get(1).number())).isEqualTo(1);
        received.discard();
        var empty = receive(); // an empty message is no end
        assertThat(empty.message()).isEqualTo(ToKeeper.getDefaultInstance());
        assertThat(empty.descriptors()).isEmpty();
    }

    private ControlChannel.Received<ToKeeper> receive() throws IOException {
        return Objects.requireNonNull(theirs.receive(ToKeeper.parser()));
    }

    private static ToKeeper hold(String... keys) {
        Hold.Builder hold = Hold.newBuilder();
        for (String key : keys) {
            hold.addKeys(key);
        }
        return ToKeeper.newBuilder().setId(7).setHold(hold).build();
    }

    @Test
    void takesTheLargestPacketAndNothingLarger() throws IOException {
        int length = ControlChannel.MAX_PACKET_BYTES;
        while (failed(length).getSerializedSize() + 3 > ControlChannel.MAX_PACKET_BYTES) {
            length--; // 3: the message's own length
        }
        FromKeeper largest = failed(length);
        FromKeeper larger = failed(length + 1);
        ours.send(largest);
        assertThat(Objects.requireNonNull(theirs.receive(FromKeeper.parser())).message())
                .isEqualTo(largest);
        assertThatThrownBy(() -> ours.send(larger)).isInstanceOf(IllegalArgumentException.class);
    }

    private static FromKeeper failed(int length) {
        Failed failed = Failed.newBuilder().setMessage("x".repeat(length)).build();
        return FromKeeper.newBuilder().setFailed(failed).build();
    }

    @Test
    void tellsTheEnd() throws IOException {
        assertThat(theirs.poll(ToKeeper.parser())).isNull();
        ours.send(hold("a"));
        ours.close();
        assertThat(theirs.poll(ToKeeper.parser())).isNotNull();
        assertThat(theirs.receive(ToKeeper.parser())).isNull();
        assertThatThrownBy(() -> theirs.poll(ToKeeper.parser())).isInstanceOf(EOFException.class);
        assertThatThrownBy(() -> theirs.send(hold("a"))).isInstanceOf(IOException.class);
    }

    @Test
    void offerDoesNotWaitForAPeerThatDoesNotRead() throws IOException {
        int offered = 0;
        while (ours.offer(failed(10_000))) {
            offered++;
        }
        for (int i = 0; i < offered; i++) {
            assertThat(theirs.receive(FromKeeper.parser())).isNotNull();
        }
        assertThat(theirs.poll(FromKeeper.parser())).isNull();
        assertThat(ours.offer(failed(1))).isTrue();
    }

    @Test
    void closingWakesWhoReceives() throws Exception {
        var waiting = new FutureTask<>(() -> theirs.receive(ToKeeper.parser()));
        Thread thread = Thread.ofPlatform().daemon().start(waiting);
        theirs.close();
        assertThat(waiting.get(30, TimeUnit.SECONDS)).isNull();
        thread.join();
    }

    static LongStream seeds() {
        return LongStream.range(0, 200);
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void everyPacketIsAMessageOrAnIoException(long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        byte[] packet = new byte[random.nextInt(1, 200)];
        random.nextBytes(packet);
        if (random.nextBoolean()) {
            packet[0] = (byte) (packet.length - 1); // a right length
        }
        long before = openDescriptors();
        try (Descriptor beside = EventFd.create();
                Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, packet);
            int fd = sockets[0].number();
            UnixSocket.send(fd, bytes.address(), packet.length, 0, beside.number());
        }
        try {
            receive().discard();
        } catch (IOException e) {
            assertThat(e).isNotInstanceOf(EOFException.class);
        }
        assertThat(openDescriptors()).isEqualTo(before);
    }

    private static long openDescriptors() throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
            return all.count();
        }
    }
}
