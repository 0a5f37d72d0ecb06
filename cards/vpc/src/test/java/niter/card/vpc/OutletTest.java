package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import niter.linux.UnixSocket;
import niter.pcie.Core;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Frames by real sockets, to a neighbour that dies and comes again. */
class OutletTest {
    private static final int SECONDS = 20;

    @TempDir Path directory;
    private final Core core = new Core("outlet-test");
    private final BlockingQueue<byte[]> received = new LinkedBlockingQueue<>();
    private final MemorySegment memory = Arena.ofAuto().allocate(1 << 17, 8);

    @BeforeEach
    void begin() {
        core.start();
    }

    @AfterEach
    void end() {
        core.close();
    }

    private Outlet outlet(Outlet.Framing framing) {
        Outlet outlet =
                new Outlet(
                        directory.resolve("n.sock"),
                        framing,
                        core,
                        frame -> received.add(Packet.bytes(frame)));
        outlet.start();
        return outlet;
    }

    private Descriptor listen(UnixSocket.Type type) {
        return UnixSocket.listen(directory.resolve("n.sock"), type, 4);
    }

    private boolean send(Outlet outlet, byte[] bytes) {
        CompletableFuture<Boolean> sent = new CompletableFuture<>();
        core.execute(() -> sent.complete(outlet.send(Packet.frame(bytes))));
        return sent.join();
    }

    private void write(Descriptor to, byte[] bytes) {
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
        assertThat(FileIo.write(to.number(), memory.address(), bytes.length))
                .isEqualTo(bytes.length);
    }

    private byte[] read(Descriptor from) {
        long got = FileIo.read(from.number(), memory.address(), memory.byteSize());
        return memory.asSlice(0, Math.max(0, got)).toArray(ValueLayout.JAVA_BYTE);
    }

    private byte[] arrived() throws InterruptedException {
        return Objects.requireNonNull(received.poll(SECONDS, TimeUnit.SECONDS));
    }

    private static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) length);
        return bytes;
    }

    private static byte[] prefixed(byte[]... frames) {
        ByteBuffer all = ByteBuffer.allocate(1 << 16);
        for (byte[] frame : frames) {
            all.putInt(frame.length).put(frame);
        }
        return Arrays.copyOf(all.array(), all.position());
    }

    @Test
    void packetsAreFrames() throws Exception {
        Outlet outlet = outlet(Outlet.Framing.PACKETS);
        assertThat(send(outlet, bytes(60))).as("nobody is there").isFalse();
        try (Descriptor listener = listen(UnixSocket.Type.SEQPACKET)) {
            try (Descriptor first = Objects.requireNonNull(UnixSocket.accept(listener))) {
                write(first, bytes(60));
                assertThat(arrived()).isEqualTo(bytes(60));
                assertThat(send(outlet, bytes(9015))).isTrue();
                assertThat(read(first)).isEqualTo(bytes(9015));
            }
            try (Descriptor second = Objects.requireNonNull(UnixSocket.accept(listener))) {
                write(second, bytes(61));
                assertThat(arrived()).as("it came again").isEqualTo(bytes(61));
                assertThat(send(outlet, bytes(62))).isTrue();
                assertThat(read(second)).isEqualTo(bytes(62));
            }
        }
    }

    @Test
    void aStreamIsCutWhereItsLengthsSay() throws Exception {
        Outlet outlet = outlet(Outlet.Framing.LENGTHS);
        try (Descriptor listener = listen(UnixSocket.Type.STREAM);
                Descriptor peer = Objects.requireNonNull(UnixSocket.accept(listener))) {
            byte[] stream = prefixed(bytes(60), bytes(1514), bytes(9015));
            write(peer, Arrays.copyOfRange(stream, 0, 70));
            assertThat(arrived()).isEqualTo(bytes(60));
            write(peer, Arrays.copyOfRange(stream, 70, 2000));
            assertThat(arrived()).isEqualTo(bytes(1514));
            write(peer, Arrays.copyOfRange(stream, 2000, stream.length));
            assertThat(arrived()).isEqualTo(bytes(9015));
            assertThat(send(outlet, bytes(1514))).isTrue();
            assertThat(read(peer)).isEqualTo(prefixed(bytes(1514)));
        }
    }

    @Test
    void aLengthThatNoFrameHasEndsTheConnection() {
        outlet(Outlet.Framing.LENGTHS);
        try (Descriptor listener = listen(UnixSocket.Type.STREAM);
                Descriptor peer = Objects.requireNonNull(UnixSocket.accept(listener))) {
            write(peer, new byte[] {0x7f, 0, 0, 0});
            assertThat(read(peer)).isEmpty();
            try (Descriptor next = Objects.requireNonNull(UnixSocket.accept(listener))) {
                assertThat(next.number()).isPositive();
            }
        }
    }

    @Test
    void aFullNeighbourCostsFramesAndNothingElse() throws InterruptedException {
        Outlet outlet = outlet(Outlet.Framing.LENGTHS);
        try (Descriptor listener = listen(UnixSocket.Type.STREAM);
                Descriptor peer = Objects.requireNonNull(UnixSocket.accept(listener))) {
            write(peer, prefixed(bytes(60)));
            assertThat(arrived()).as("it is connected").isEqualTo(bytes(60));
            int sent = 0;
            while (send(outlet, bytes(9015))) {
                sent++;
            }
            int bytes = 0;
            while (bytes < sent * 9019) {
                bytes += read(peer).length;
            }
            assertThat(bytes).as("whole frames").isEqualTo(sent * 9019);
            assertThat(send(outlet, bytes(60))).as("it goes on").isTrue();
            assertThat(read(peer)).isEqualTo(prefixed(bytes(60)));
        }
    }
}
