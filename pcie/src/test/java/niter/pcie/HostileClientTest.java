package niter.pcie;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import niter.linux.Descriptor;
import niter.linux.EventFd;
import niter.linux.LinuxException;
import niter.linux.MemoryFile;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Clients that send anything: bytes at random, and messages of the protocol with any field wrong,
 * cut anywhere, with descriptors that do not belong. Afterwards a client that behaves is served,
 * and no descriptor is left.
 */
class HostileClientTest {
    private static final int[] COMMANDS = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 77};
    private static final String OFFER = "{\"capabilities\":{\"max_msg_fds\":8}}\0";

    @TempDir Path directory;
    private final FakeEscrow escrow = new FakeEscrow(() -> {});
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment bytes = arena.allocate(1 << 16, 8);
    private final List<Descriptor> descriptors = new ArrayList<>();
    private Path socket;
    private FunctionServer server;

    @BeforeEach
    void start() throws IOException {
        socket = directory.resolve("function.sock");
        server = FunctionServer.start("adder", new Adder(() -> {}), socket, escrow, Map.of());
        descriptors.add(MemoryFile.create("guest", 1 << 20));
        descriptors.add(EventFd.create());
        descriptors.addAll(List.of(UnixSocket.pair(UnixSocket.Type.STREAM)));
    }

    @AfterEach
    void stop() {
        server.close();
        descriptors.forEach(Descriptor::close);
        escrow.close();
        arena.close();
    }

    private void attack(SplittableRandom random) {
        try (Descriptor connection = UnixSocket.connect(socket, UnixSocket.Type.STREAM)) {
            UnixSocket.setNonBlocking(connection.number(), true);
            if (random.nextInt(5) > 0) {
                ByteBuffer offer = message(Wire.VERSION, 4 + OFFER.length());
                offer.putInt(0).put(OFFER.getBytes(StandardCharsets.US_ASCII));
                send(random, connection, offer.flip(), 0);
            }
            boolean open = true;
            for (int n = random.nextInt(40); n > 0 && open; n--) {
                ByteBuffer message = random.nextInt(10) == 0 ? noise(random) : broken(random);
                open = send(random, connection, message, random.nextInt(4) == 0 ? 20 : 3);
                drain(connection);
            }
        }
    }

    private ByteBuffer noise(SplittableRandom random) {
        byte[] noise = new byte[1 + random.nextInt(100)];
        random.nextBytes(noise);
        return ByteBuffer.wrap(noise).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A request whose fields are right, nearly right or anything. */
    private static ByteBuffer broken(SplittableRandom random) {
        int command = COMMANDS[random.nextInt(COMMANDS.length)];
        int length = random.nextInt(8) == 0 ? random.nextInt(5000) : 8 * random.nextInt(7);
        ByteBuffer message = message(command, length);
        for (int word = 0; word < length / 4; word++) {
            message.putInt(field(random));
        }
        message.position(16 + length);
        message.flip();
        if (length >= 4 && random.nextInt(3) > 0) {
            message.putInt(16, length); // argsz
        }
        if (random.nextInt(8) == 0) {
            message.putInt(Wire.SIZE, field(random));
        }
        if (random.nextInt(8) == 0) {
            message.putInt(Wire.FLAGS, field(random));
        }
        return message;
    }

    private static ByteBuffer message(int command, int length) {
        ByteBuffer message = ByteBuffer.allocate(16 + length).order(ByteOrder.LITTLE_ENDIAN);
        message.putShort((short) 7).putShort((short) command).putInt(16 + length);
        return message.putInt(0).putInt(0);
    }

    private static int field(SplittableRandom random) {
        return switch (random.nextInt(7)) {
            case 0 -> random.nextInt();
            case 1 -> -1 - random.nextInt(8);
            case 2 -> 4096 * random.nextInt(300);
            case 3 -> Integer.MIN_VALUE + random.nextInt(8);
            case 4 -> 1 << random.nextInt(32);
            default -> random.nextInt(10);
        };
    }

    /** Sends in two parts or one; false where the server has ended the connection. */
    private boolean send(
            SplittableRandom random, Descriptor connection, ByteBuffer message, int most) {
        int length = message.limit();
        MemorySegment.copy(MemorySegment.ofArray(message.array()), 0, bytes, 0, message.limit());
        int cut = random.nextInt(3) == 0 ? random.nextInt(length + 1) : length;
        int[] beside = new int[most == 0 ? 0 : random.nextInt(most)];
        for (int n = 0; n < beside.length; n++) {
            beside[n] = descriptors.get(random.nextInt(descriptors.size())).number();
        }
        long sent =
                cut == 0
                        ? 0
                        : UnixSocket.send(connection.number(), bytes.address(), cut, 0, beside);
        if (sent >= 0 && cut < length && random.nextInt(4) > 0) {
            sent = UnixSocket.send(connection.number(), bytes.address() + cut, length - cut, 0);
        }
        return sent >= 0;
    }

    private void drain(Descriptor connection) {
        long got = 1;
        while (got > 0) {
            got = niter.linux.FileIo.read(connection.number(), bytes.address(), bytes.byteSize());
        }
    }

    private void behave(SplittableRandom random) throws IOException {
        try (FunctionClient client = FunctionClient.connect(socket)) {
            assertThat(client.read(7, 0, 4)).isEqualTo(0x80611d0fL);
            long before = client.read(0, 0, 8);
            int value = random.nextInt(1000);
            client.write(0, 0, 8, value);
            assertThat(client.read(0, 0, 8)).isEqualTo(before + value);
            client.map(descriptors.getFirst(), 0, 0x10_0000, 1 << 20, 3);
            client.unmap(0x10_0000, 1 << 20);
        } catch (LinuxException e) {
            throw new AssertionError("a client that behaves is refused: " + e.getMessage(), e);
        }
    }

    /** Descriptors while nobody is connected. */
    private long openAtRest() throws IOException {
        behave(new SplittableRandom(0)); // served after all who came before
        while (escrow.size() > 2) { // the segment and the listener; the connection goes last
            Thread.onSpinWait();
        }
        return open();
    }

    private static long open() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            return files.count();
        }
    }

    private void run(long seeds) throws IOException {
        long before = openAtRest();
        for (long seed = 0; seed < seeds; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            attack(random);
            if (seed % 4 == 0) {
                behave(random);
            }
        }
        assertThat(openAtRest()).isLessThanOrEqualTo(before);
    }

    @Test
    void noClientBreaksTheServer() throws IOException {
        run(1500);
    }

    @Test
    @Tag("long")
    void noClientOfManyBreaksTheServer() throws IOException {
        run(200_000);
    }
}
