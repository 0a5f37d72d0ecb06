package niter.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.EventFd;
import niter.linux.LinuxException;
import niter.linux.MemoryFile;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What libvfio-user's own tests ask of a server, where {@link FunctionServerTest} does not ask it
 * already. Where this server answers otherwise, the case says so.
 */
class PublishedCasesTest {
    private static final int CONFIG = 7;
    private static final int MSIX = Wire.IRQ_MSIX;
    private static final int TRIGGER = Wire.SET_TRIGGER;
    private static final int PAGE = 4096;

    @TempDir Path directory;
    private final FakeEscrow escrow = new FakeEscrow(() -> {});
    private final Adder adder = new Adder(() -> {});
    private Path socket;
    private FunctionServer server;
    private FunctionClient client;

    @BeforeEach
    void start() throws IOException {
        socket = directory.resolve("function.sock");
        server = FunctionServer.start("adder", adder, socket, escrow, Map.of());
        client = FunctionClient.connect(socket);
    }

    @AfterEach
    void stop() {
        client.close();
        server.close();
        escrow.close();
    }

    // ---- negotiation

    @Test
    void theFirstMessageIsAVersionThatWeSpeak() throws IOException {
        client.close();
        assertThat(negotiate(Wire.VERSION, new byte[0])).isEqualTo(Errno.EINVAL);
        assertThat(negotiate(Wire.VERSION, text(0, "{}"))).as("no NUL").isEqualTo(Errno.EINVAL);
        assertThat(negotiate(Wire.VERSION, text(999, "{}\0"))).isEqualTo(Errno.EINVAL);
        assertThat(negotiate(999, text(0, "{}\0"))).isEqualTo(Errno.EINVAL);
        assertThat(negotiate(Wire.DEVICE_RESET, new byte[0])).isEqualTo(Errno.EINVAL);
        assertThat(negotiate(Wire.VERSION, text(0, ""))).isZero();
        assertThat(negotiate(Wire.VERSION, text(0, "{}\0"))).isZero();
        client = FunctionClient.connect(socket);
    }

    /** libvfio-user refuses these; nothing that a client offers is used here, so it is not read. */
    @Test
    void whatTheClientOffersIsNotRead() throws IOException {
        client.close();
        for (String offer :
                new String[] {
                    "{",
                    "\"",
                    "{\"capabilities\":\"23\"}",
                    "{\"capabilities\":{\"max_msg_fds\":\"foo\"}}",
                    "{\"capabilities\":{\"max_msg_fds\":-1}}",
                    "{\"capabilities\":{\"migration\":{\"pgsize\":4095}}}"
                }) {
            assertThat(negotiate(Wire.VERSION, text(0, offer + "\0"))).as(offer).isZero();
        }
        client = FunctionClient.connect(socket);
    }

    private static byte[] text(int major, String json) {
        byte[] text = json.getBytes(StandardCharsets.US_ASCII);
        ByteBuffer payload = buffer(4 + text.length).putShort((short) major).putShort((short) 0);
        return payload.put(text).array();
    }

    /** The errno of the reply to a connection's first message; an error ends the connection. */
    private int negotiate(int command, byte[] payload) {
        try (Descriptor connection = UnixSocket.connect(socket, UnixSocket.Type.STREAM);
                Arena arena = Arena.ofConfined()) {
            MemorySegment message = arena.allocate(Wire.MAX_REQUEST_BYTES, 8);
            message.set(ValueLayout.JAVA_SHORT, Wire.COMMAND, (short) command);
            message.set(ValueLayout.JAVA_INT, Wire.SIZE, 16 + payload.length);
            MemorySegment.copy(payload, 0, message, ValueLayout.JAVA_BYTE, 16, payload.length);
            int fd = connection.number();
            UnixSocket.send(fd, message.address(), 16 + payload.length, 0);
            long got = niter.linux.FileIo.read(fd, message.address(), message.byteSize());
            assertThat(got).isGreaterThanOrEqualTo(16);
            assertThat(message.get(ValueLayout.JAVA_INT, Wire.SIZE)).isEqualTo((int) got);
            int errno = message.get(ValueLayout.JAVA_INT, Wire.ERROR);
            if (errno != 0) { // over, with or without a message that was not taken out
                assertThat(niter.linux.FileIo.read(fd, message.address(), 1))
                        .isIn(0L, (long) -Errno.ECONNRESET);
            }
            return errno;
        }
    }

    // ---- requests

    @Test
    void aRequestThatNeedsAPayloadIsRefusedWithoutIt() throws IOException {
        for (int command = Wire.DMA_MAP; command <= Wire.REGION_WRITE; command++) {
            int number = command;
            refused(Errno.EINVAL, () -> client.request(number, buffer(0)));
            refused(Errno.EINVAL, () -> client.request(number, words(0, 0)));
        }
        assertThat(client.read(CONFIG, 0, 2)).isEqualTo(0x1d0f);
    }

    /** libvfio-user answers EINVAL; a reply to a reply could go on for ever, so there is none. */
    @Test
    void aReplyToNothingIsPassedOver() throws IOException {
        ByteBuffer reply = buffer(16).putShort((short) 0xbad2).putShort((short) 8);
        send(reply.putInt(16).putInt(Wire.TYPE_REPLY).putInt(0));
        assertThat(client.read(CONFIG, 0, 2)).isEqualTo(0x1d0f);
    }

    @Test
    void descriptorsOfARefusedRequestAreClosed() throws IOException {
        try (Descriptor first = EventFd.create();
                Descriptor second = EventFd.create()) {
            ByteBuffer bools = irqs(Wire.SET_BOOL | TRIGGER, MSIX, 0, 1);
            for (int n = 0; n < 50; n++) {
                refused(Errno.EINVAL, () -> client.request(8, bools, first, second));
                refused(Errno.EINVAL, () -> client.request(4, words(16, 0, 0, 0), first));
                refused(Errno.EINVAL, () -> client.request(2, map(32, 0, 4096), first, second));
            }
            client.read(CONFIG, 0, 2); // a refusal is sent before its descriptors are closed
            assertThat(open(first)).isEqualTo(1);
            assertThat(open(second)).isEqualTo(1);
        }
        assertThat(escrow.size()).isEqualTo(3);
    }

    // ---- device, regions and interrupts described

    @Test
    void structuresAreAsLongAsWhatIsInThem() throws IOException {
        assertThat(client.request(4, words(99, 0, 0, 0)).getInt(0)).isEqualTo(16);
        refused(Errno.EINVAL, () -> client.request(4, words(15, 0, 0, 0)));
        ByteBuffer info = client.request(5, words(40, 0, 0, 0, 0, 0, 0, 0));
        assertThat(info.capacity()).isEqualTo(32);
        assertThat(info.getInt(0)).isEqualTo(32);
        assertThat(info.getInt(12)).as("capabilities").isZero();
        refused(Errno.EINVAL, () -> client.request(5, words(8, 0, 0, 0, 0, 0, 0, 0)));
        ByteBuffer absent = client.request(5, words(80, 0, 1, 0, 0, 0, 0, 0));
        assertThat(absent.getInt(4)).as("no region: no flags").isZero();
        refused(Errno.EINVAL, () -> client.request(7, words(15, 0, 2, 0)));
        refused(Errno.EINVAL, () -> client.request(7, words(16, 0, 5, 0)));
        assertThat(client.request(7, words(32, 0, 2, 0)).capacity()).isEqualTo(16);
    }

    @Test
    void noRegionOffersDescriptors() throws IOException {
        ByteBuffer none = client.request(6, words(512, 0, 0, 0));
        assertThat(List.of(none.getInt(0), none.getInt(4), none.getInt(8), none.getInt(12)))
                .containsExactly(16, 0, 0, 0);
        refused(Errno.EINVAL, () -> client.request(6, words(15, 0, 0, 0)));
        refused(Errno.EINVAL, () -> client.request(6, words(512, 1, 0, 0))); // flags
        refused(Errno.EINVAL, () -> client.request(6, words(512, 0, 0, 1))); // count
        refused(Errno.EINVAL, () -> client.request(6, words(512, 0, 1, 0))); // no such region
        refused(Errno.EINVAL, () -> client.request(6, words(512, 0, 9, 0)));
        refused(Errno.EINVAL, () -> client.request(6, words(512, 0, -1, 0)));
    }

    @Test
    void barsAreSizedAsAnyDriverSizesThem() throws IOException {
        long[] expected = {16384, 0, 0, 0, 0, 0};
        for (int bar = 0; bar < expected.length; bar++) {
            int offset = 0x10 + 4 * bar;
            long before = client.read(CONFIG, offset, 4);
            client.write(CONFIG, offset, 4, 0xffff_ffffL);
            long mask = client.read(CONFIG, offset, 4) & 0xffff_fff0L;
            client.write(CONFIG, offset, 4, before);
            assertThat(-mask & 0xffff_ffffL).isEqualTo(expected[bar]);
            assertThat(client.read(CONFIG, offset, 4)).isEqualTo(before);
        }
    }

    @Test
    void accessesAreWholeAndInside() {
        refused(Errno.EINVAL, () -> client.readBytes(CONFIG, -1, 256));
        refused(Errno.EINVAL, () -> client.readBytes(0, 0, Wire.MAX_DATA_BYTES + 8));
        refused(Errno.EINVAL, () -> client.request(Wire.REGION_WRITE, words(0, 0)));
        // libvfio-user lets one of no bytes pass; here it is a mistake like any other.
        refused(Errno.EINVAL, () -> client.request(Wire.REGION_WRITE, words(0, 0, 0, 0)));
    }

    // ---- DMA

    @Test
    void thereAreAsManyRangesAsWasSaid() throws IOException {
        for (int n = 0; n < Wire.MAX_DMA_MAPS; n++) {
            client.request(Wire.DMA_MAP, map(32, (long) PAGE * n, PAGE));
        }
        long next = (long) PAGE * Wire.MAX_DMA_MAPS;
        refused(Errno.ENOSPC, () -> client.request(Wire.DMA_MAP, map(32, next, PAGE)));
        client.unmap(PAGE, PAGE);
        client.request(Wire.DMA_MAP, map(32, next, PAGE));
        client.request(Wire.DMA_UNMAP, unmap(24, Wire.UNMAP_ALL, 0, 0));
        refused(Errno.ENOENT, () -> client.unmap(0, PAGE));
    }

    @Test
    void rangesEndWhereAddressesEnd() throws IOException {
        client.request(Wire.DMA_MAP, map(32, -PAGE, PAGE));
        refused(Errno.EINVAL, () -> client.request(Wire.DMA_MAP, map(32, -PAGE, 2L * PAGE)));
        refused(Errno.EINVAL, () -> client.request(Wire.DMA_MAP, map(32, PAGE, Long.MIN_VALUE)));
        refused(Errno.EINVAL, () -> client.request(Wire.DMA_MAP, map(31, PAGE, PAGE)));
        refused(Errno.EINVAL, () -> client.request(Wire.DMA_MAP, map(0, PAGE, PAGE)));
    }

    @Test
    void anUnmapNamesARangeOrAll() throws IOException {
        client.request(Wire.DMA_MAP, map(32, 0, PAGE));
        refused(Errno.EINVAL, () -> client.request(Wire.DMA_UNMAP, words(0, 0)));
        refused(Errno.EINVAL, () -> client.request(Wire.DMA_UNMAP, unmap(8, 0, 0, PAGE)));
        refused(Errno.EINVAL, () -> client.request(Wire.DMA_UNMAP, unmap(24, 4, 0, PAGE)));
        refused(Errno.EINVAL, () -> client.request(Wire.DMA_UNMAP, unmap(24, 1, 0, PAGE))); // dirty
        refused(Errno.EINVAL, () -> client.request(Wire.DMA_UNMAP, unmap(24, 2, PAGE, PAGE)));
        refused(Errno.EINVAL, () -> client.request(Wire.DMA_UNMAP, unmap(24, 3, 0, 0)));
        refused(Errno.ENOENT, () -> client.request(Wire.DMA_UNMAP, unmap(24, 0, 0x10000, PAGE)));
        ByteBuffer reply = client.request(Wire.DMA_UNMAP, unmap(24, 0, 0, PAGE));
        assertThat(List.of(reply.getLong(8), reply.getLong(16))).containsExactly(0L, (long) PAGE);
    }

    // ---- interrupts

    @Test
    void interruptRequestsThatMakeNoSense() throws IOException {
        int none = Wire.SET_NONE;
        int bool = Wire.SET_BOOL;
        int events = Wire.SET_EVENTFD;
        int[][] wrong = {
            {none | TRIGGER, 5, 0, 0}, // no such index
            {Wire.SET_MASK | Wire.SET_UNMASK, MSIX, 0, 0},
            {Wire.SET_MASK | none | bool, MSIX, 0, 0},
            {Wire.SET_MASK | none, MSIX, 4, 2}, // beyond the last of five
            {Wire.SET_MASK | none, MSIX, 6, 1},
            {events | TRIGGER, MSIX, 3, -1},
            {Wire.SET_MASK | none, Wire.IRQ_ERROR, 0, 1},
            {Wire.SET_MASK | none, 4, 0, 1},
            {none | TRIGGER, Wire.IRQ_ERROR, 0, 2},
            {none | TRIGGER, 4, 0, 2},
            {Wire.SET_MASK | none, MSIX, 1, 0},
            {Wire.SET_MASK | none, MSIX, 0, 0},
            {bool | TRIGGER, MSIX, 0, 0},
        };
        for (int[] form : wrong) {
            ByteBuffer request = irqs(form[0], form[1], form[2], form[3]);
            refused(Errno.EINVAL, () -> client.request(8, request));
        }
        refused(Errno.EINVAL, () -> client.request(8, words(3, none | TRIGGER, MSIX, 0, 0)));
        refused(Errno.EINVAL, () -> client.request(8, bools(2, 0))); // too few
        refused(Errno.EINVAL, () -> client.request(8, bools(2, 0, 0, 0))); // too many
        try (Descriptor event = EventFd.create()) {
            refused(Errno.EINVAL, () -> client.request(8, bools(1, 0), event));
            refused(Errno.EINVAL, () -> client.request(8, irqs(none | TRIGGER, MSIX, 0, 1), event));
            refused(
                    Errno.EINVAL,
                    () -> client.request(8, irqs(events | TRIGGER, MSIX, 0, 2), event));
        }
    }

    @Test
    void interruptsAreReplacedTakenAwayAndFiredByHand() throws IOException {
        client.write(CONFIG, 0x04, 2, 6);
        try (Descriptor first = EventFd.create();
                Descriptor second = EventFd.create()) {
            client.assign(0, second); // replaced
            client.assign(0, first, second);
            client.request(8, irqs(Wire.SET_NONE | TRIGGER, MSIX, 1, 1));
            assertThat(EventFd.drain(first.number())).isZero();
            assertThat(EventFd.drain(second.number())).isEqualTo(1);
            client.request(8, bools(2, 0, 1));
            assertThat(EventFd.drain(first.number())).isZero();
            assertThat(EventFd.drain(second.number())).isEqualTo(1);
            client.request(8, irqs(Wire.SET_EVENTFD | TRIGGER, MSIX, 1, 1)); // taken away
            client.write(0, 16, 8, 1);
            client.write(0, 16, 8, 0);
            assertThat(EventFd.drain(first.number())).isEqualTo(1);
            assertThat(EventFd.drain(second.number())).isZero();
        }
    }

    // ---- quiescence

    @Test
    void theDeviceIsQuietBeforeMemoryOrStateGoes() throws IOException {
        client.request(Wire.DMA_MAP, map(32, 0, PAGE));
        assertThat(adder.calls).containsExactly("map");
        client.unmap(0, PAGE);
        assertThat(adder.calls).containsExactly("map", "quiesce", "map");
        adder.calls.clear();
        client.reset();
        assertThat(adder.calls).containsExactly("quiesce", "reset");
        adder.calls.clear();
        client.write(CONFIG, 0x68, 2, 0x8000); // function level reset
        assertThat(adder.calls).containsExactly("quiesce", "reset");
        adder.calls.clear();
        client.close();
        client = FunctionClient.connect(socket); // served after the end of the other
        assertThat(adder.calls).containsExactly("quiesce", "reset", "map");
    }

    @Test
    void aClientThatDoesNotAwaitItsReplyLeavesNothing() throws IOException {
        try (Descriptor memory = MemoryFile.create("guest", PAGE)) {
            client.map(memory, 0, 0, PAGE, 3);
            long before = open(memory);
            for (int n = 0; n < 20; n++) {
                ByteBuffer header = buffer(48).putShort((short) 1).putShort((short) Wire.DMA_MAP);
                header.putInt(48).putInt(0).putInt(0).putInt(32).putInt(3);
                send(header.putLong(0).putLong(0x10000).putLong(PAGE), memory);
                client.close();
                client = FunctionClient.connect(socket);
                refused(Errno.ENOENT, () -> client.unmap(0x10000, PAGE));
                client.map(memory, 0, 0, PAGE, 3);
            }
            assertThat(open(memory)).isEqualTo(before);
        }
    }

    private void send(ByteBuffer message, Descriptor... beside) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, message.array());
            int[] numbers = Stream.of(beside).mapToInt(Descriptor::number).toArray();
            int to = client.socket().number();
            assertThat(UnixSocket.send(to, bytes.address(), bytes.byteSize(), 0, numbers))
                    .isEqualTo(bytes.byteSize());
        }
    }

    private static ByteBuffer map(int argsz, long address, long bytes) {
        ByteBuffer payload = buffer(32).putInt(argsz).putInt(3).putLong(0);
        return payload.putLong(address).putLong(bytes);
    }

    private static ByteBuffer unmap(int argsz, int flags, long address, long bytes) {
        return buffer(24).putInt(argsz).putInt(flags).putLong(address).putLong(bytes);
    }

    private static ByteBuffer irqs(int flags, int index, int start, int count) {
        return words(20, flags, index, start, count);
    }

    private static ByteBuffer bools(int count, int... values) {
        ByteBuffer payload = buffer(20 + values.length).putInt(20 + values.length);
        payload.putInt(Wire.SET_BOOL | TRIGGER).putInt(MSIX).putInt(0).putInt(count);
        for (int value : values) {
            payload.put((byte) value);
        }
        return payload;
    }

    private static ByteBuffer words(int... values) {
        ByteBuffer payload = buffer(4 * values.length);
        for (int value : values) {
            payload.putInt(value);
        }
        return payload;
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** This process' descriptors of one file; the runtime opens and closes others at any time. */
    private static long open(Descriptor file) throws IOException {
        List<String> wanted = identity(Path.of("/proc/self/fdinfo/" + file.number()));
        assertThat(wanted).isNotEmpty();
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fdinfo"))) {
            return files.filter(each -> identity(each).equals(wanted)).count();
        }
    }

    /** The inode, and of eventfds, which share one, the number. */
    private static List<String> identity(Path fdinfo) {
        try (Stream<String> lines = Files.lines(fdinfo)) {
            return lines.filter(l -> l.startsWith("ino:") || l.startsWith("eventfd-id:")).toList();
        } catch (IOException | UncheckedIOException e) {
            return List.of(); // closed meanwhile
        }
    }

    private interface Request {
        void run() throws IOException;
    }

    private static void refused(int errno, Request request) {
        assertThatThrownBy(request::run)
                .isInstanceOfSatisfying(
                        LinuxException.class, e -> assertThat(e.errno()).isEqualTo(errno));
    }
}
