package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import niter.linux.Descriptor;
import niter.linux.EventFd;
import niter.linux.FileIo;
import niter.linux.MemoryFile;
import niter.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * A target for coverage-guided fuzzing: an input is one connection, message by message, some framed
 * as they should be and some not, with descriptors of any kind. One thread does the client's part
 * and the function's, so an input does the same each time.
 */
public final class ServerFuzz {
    private static final String OFFER = "{\"capabilities\":{}}\0";
    private static final int INPUTS_A_COUNT = 256;

    private static @Nullable ServerFuzz target;
    private static long inputs;

    private final Path socket;
    private final FakeEscrow escrow = new FakeEscrow(() -> {});
    private final FunctionLoop loop;
    private final MemorySegment bytes = Arena.global().allocate(1 << 16, 8);
    private final List<Descriptor> kinds;
    private long openAtRest;

    private byte[] input = {};
    private int at;

    private ServerFuzz() throws IOException {
        socket = Files.createTempDirectory("fuzz").resolve("function.sock");
        Adder device = new Adder(() -> {});
        FunctionSegment segment;
        try (Descriptor memory = FunctionSegment.allocate("adder", device.shape())) {
            segment = FunctionSegment.format(memory, device.shape());
        }
        segment.begin();
        new ConfigSpace(device.shape())
                .reset(segment.stagedSlot().asSlice(SegmentLayout.CONFIG, ConfigSpace.BYTES));
        segment.stagedSlot().set(JAVA_LONG, SegmentLayout.NEXT_TOKEN, 1);
        segment.commit();
        Descriptor listener = UnixSocket.listen(socket, UnixSocket.Type.STREAM, 1);
        UnixSocket.setNonBlocking(listener.number(), true);
        loop =
                new FunctionLoop(
                        "adder",
                        device,
                        segment,
                        new FunctionLoop.Sockets(listener, null),
                        escrow,
                        new HeldDescriptors("adder", escrow),
                        false);
        loop.start(1, new Turns());
        Descriptor[] pipe = FileIo.pipe();
        kinds = List.of(MemoryFile.create("guest", 1 << 16), EventFd.create(), pipe[0], pipe[1]);
    }

    /** Called with each input. */
    public static void fuzzerTestOneInput(byte[] input) throws IOException {
        ServerFuzz running = target;
        if (running == null) {
            running = new ServerFuzz();
            running.run(new byte[0]);
            running.openAtRest = open();
            target = running;
        }
        running.run(input);
        if (++inputs % INPUTS_A_COUNT == 0 && open() > running.openAtRest) {
            throw new AssertionError("a descriptor stays open");
        }
    }

    private void run(byte[] input) {
        this.input = input;
        at = 0;
        try (Descriptor client = UnixSocket.connect(socket, UnixSocket.Type.STREAM)) {
            serve();
            UnixSocket.setNonBlocking(client.number(), true);
            if ((next() & 7) != 0) {
                version(client);
            }
            while (at < input.length) {
                message(client);
                serve();
                drain(client);
            }
            breakOff(client);
        }
        serve();
        if (escrow.size() > 0) {
            throw new AssertionError("the connection did not end");
        }
    }

    /** Ends the connection, be there a part of a message or not: no message is that long. */
    private void breakOff(Descriptor client) {
        int length = Wire.MAX_REQUEST_BYTES + Wire.HEADER_BYTES;
        bytes.asSlice(0, length).fill((byte) 0);
        send(client, length, 0);
        serve();
    }

    private void version(Descriptor client) {
        header(Wire.VERSION, 4 + OFFER.length(), 0);
        bytes.set(JAVA_INT_UNALIGNED, 16, 0);
        for (int n = 0; n < OFFER.length(); n++) {
            bytes.set(ValueLayout.JAVA_BYTE, 20 + n, (byte) OFFER.charAt(n));
        }
        send(client, 20 + OFFER.length(), 0);
        serve();
        drain(client);
    }

    private void header(int command, int length, int flags) {
        bytes.set(JAVA_SHORT_UNALIGNED, Wire.COMMAND, (short) command);
        bytes.set(JAVA_INT_UNALIGNED, Wire.SIZE, Wire.HEADER_BYTES + length);
        bytes.set(JAVA_INT_UNALIGNED, Wire.FLAGS, flags);
        bytes.set(JAVA_INT_UNALIGNED, Wire.ERROR, 0);
    }

    /** A form, a command, a length, and the bytes. */
    private void message(Descriptor client) {
        int form = next();
        int beside = form & 3;
        if ((form & 4) != 0) { // nothing is as it should be
            int length = copy(0, next());
            send(client, length, beside);
            return;
        }
        int command = next() & 0x1f;
        int length = copy(Wire.HEADER_BYTES, (form & 8) != 0 ? next() * 32 : next() % 48);
        header(command, length, (form & 16) != 0 ? Wire.NO_REPLY : 0);
        int size = Wire.HEADER_BYTES + length;
        if ((form & 32) == 0) {
            send(client, size, beside);
            return;
        }
        int first = 1 + next() % size;
        send(client, first, beside);
        serve();
        MemorySegment.copy(bytes, first, bytes, 0, size - first);
        send(client, size - first, (form & 64) != 0 ? 1 : 0);
    }

    private int next() {
        return at < input.length ? input[at++] & 0xff : 0;
    }

    /** What is left of the input, zeroes after it. */
    private int copy(long to, int length) {
        int there = Math.min(length, input.length - at);
        MemorySegment.copy(input, at, bytes, ValueLayout.JAVA_BYTE, to, there);
        bytes.asSlice(to + there, length - there).fill((byte) 0);
        at += there;
        return length;
    }

    private void send(Descriptor client, int length, int beside) {
        int[] numbers = new int[beside];
        for (int n = 0; n < beside; n++) {
            numbers[n] = kinds.get(next() % kinds.size()).number();
        }
        if (length > 0) {
            UnixSocket.send(
                    client.number(), bytes.address(), length, UnixSocket.MSG_DONTWAIT, numbers);
        }
    }

    private void drain(Descriptor client) {
        long got = 1;
        while (got > 0) {
            got = FileIo.read(client.number(), bytes.address(), bytes.byteSize());
        }
    }

    private void serve() {
        loop.events(true);
        loop.events(true); // what was accepted may have sent something already
        loop.poll();
        loop.arm();
        if (loop.isToEnd()) {
            throw new AssertionError("the function is out of service");
        }
    }

    private static long open() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            return files.count();
        }
    }
}
