package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.EventFd;
import niter.linux.FileIo;
import niter.linux.LinuxException;
import niter.linux.Mapping;
import niter.linux.MemoryFile;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a client may send and gets, in the order of the protocol's own check list. */
class FunctionServerTest {
    private static final int CONFIG = 7;
    private static final int READ_WRITE = 3;

    @TempDir Path directory;
    private final FakeEscrow escrow = new FakeEscrow(() -> {});
    private Path socket;
    private FunctionServer server;
    private FunctionClient client;

    @BeforeEach
    void start() throws IOException {
        socket = directory.resolve("function.sock");
        server = FunctionServer.start("adder", new Adder(() -> {}), socket, escrow, Map.of());
        client = FunctionClient.connect(socket);
    }

    @AfterEach
    void stop() {
        client.close();
        server.close();
        escrow.close();
    }

    @Test
    void describesItself() throws IOException {
        ByteBuffer info = client.request(Wire.DEVICE_GET_INFO, words(16, 0, 0, 0));
        assertThat(info.getInt(4)).isEqualTo(3);
        assertThat(info.getInt(8)).isEqualTo(9);
        assertThat(info.getInt(12)).isEqualTo(5);
        assertThat(client.region(0)).isEqualTo(new FunctionClient.Region(3, 16384));
        for (int absent : new int[] {1, 2, 3, 4, 5, 6, 8}) {
            assertThat(client.region(absent)).isEqualTo(new FunctionClient.Region(0, 0));
        }
        assertThat(client.region(CONFIG)).isEqualTo(new FunctionClient.Region(3, 256));
        assertThat(client.interrupts(2)).isEqualTo(5);
        assertThat(client.interrupts(0)).isZero();
        refused(Errno.EINVAL, () -> client.interrupts(3)); // what QEMU takes for "no such thing"
        refused(Errno.EINVAL, () -> client.region(9));
    }

    @Test
    void speaksOnlyVersionZeroAndOnlyOnce() {
        refused(Errno.EINVAL, () -> client.request(Wire.VERSION, words(0, 0)));
        assertThat(attempt(() -> client.read(CONFIG, 0, 4))).isEqualTo(0);
    }

    @Test
    void answersWhatItDoesNotKnowAndGoesOn() throws IOException {
        for (int command : new int[] {0, 14, 15, 16, 17, 18, 19, 65535}) {
            refused(Errno.ENOSYS, () -> client.request(command, words(8, 0)));
        }
        assertThat(client.read(CONFIG, 0, 4)).isEqualTo(0x80611d0fL);
    }

    @Test
    void configurationSpaceIsThatOfAPciFunction() throws IOException {
        byte[] all = client.readBytes(CONFIG, 0, 256);
        assertThat(ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN).getInt(8))
                .isEqualTo(0x01080201);
        assertThat(client.read(CONFIG, 0x34, 1)).isEqualTo(0x40);
        client.write(CONFIG, 0x10, 4, 0xffff_ffffL); // sizing
        assertThat(client.read(CONFIG, 0x10, 4)).isEqualTo(0xffff_c000L);
        client.write(CONFIG, 0x10, 4, 0);
        assertThat(client.read(CONFIG, 0x10, 4)).isZero();
        client.write(CONFIG, 0x30, 4, 0xffff_f800L); // no ROM
        assertThat(client.read(CONFIG, 0x30, 4)).isZero();
        client.write(CONFIG, 0x04, 2, 0xffff);
        assertThat(client.read(CONFIG, 0x04, 2)).isEqualTo(0x0546);
        assertThat(client.read(CONFIG, 0x52, 2)).isEqualTo(4); // MSI-X: five vectors
        refused(Errno.EINVAL, () -> client.read(CONFIG, 253, 4));
    }

    @Test
    void resetsByMessageAndByFunctionLevelReset() throws IOException {
        client.write(CONFIG, 0x04, 2, 6);
        client.write(0, 0, 8, 5);
        client.reset();
        client.reset();
        assertThat(client.read(CONFIG, 0x04, 2)).isZero();
        assertThat(client.read(0, 0, 8)).isZero();
        client.write(0, 0, 8, 5);
        client.write(CONFIG, 0x68, 2, 0x8000);
        assertThat(client.read(0, 0, 8)).isZero();
        assertThat(client.read(CONFIG, 0x68, 2)).isZero();
    }

    @Test
    void accessesOutsideARegionAreRefused() {
        refused(Errno.EINVAL, () -> client.read(0, 16384, 1));
        refused(Errno.EINVAL, () -> client.read(0, 16380, 8));
        refused(Errno.EINVAL, () -> client.read(0, -1, 1));
        refused(Errno.EINVAL, () -> client.read(1, 0, 1));
        refused(Errno.EINVAL, () -> client.read(77, 0, 1));
        refused(Errno.EINVAL, () -> client.write(6, 0, 4, 0));
        refused(Errno.EINVAL, () -> client.readBytes(0, 0, 0));
        assertThat(attempt(() -> client.readBytes(0, 3, 29))).isZero(); // odd, but inside
    }

    @Test
    void reachesMemoryThatWasGrantedAndNoOther() throws IOException {
        try (Descriptor file = MemoryFile.create("guest", 1 << 16);
                Mapping mapping = Mapping.map(file.number(), 0, 1 << 16, true)) {
            mapping.segment().set(JAVA_LONG, 4096 + 8, 42);
            client.map(file, 4096, 0x10_0000, 8192, READ_WRITE);
            client.write(0, 8, 8, 0x10_0008);
            assertThat(client.read(0, 0, 8)).isEqualTo(42);
            client.write(0, 8, 8, 0x10_0000 + 8192 - 4); // its end lies outside
            assertThat(client.read(0, 0, 8)).isEqualTo(41);
            client.unmap(0x10_0000, 8192);
            client.write(0, 8, 8, 0x10_0008);
            assertThat(client.read(0, 0, 8)).isEqualTo(40);
        }
    }

    @Test
    void mapsThatMakeNoSenseAreRefused() throws IOException {
        try (Descriptor file = MemoryFile.create("guest", 1 << 16);
                Descriptor unsealed =
                        FileIo.open(
                                directory.resolve("plain"), FileIo.O_RDWR | FileIo.O_CREAT, 0600)) {
            FileIo.ftruncate(unsealed.number(), 1 << 16);
            refused(Errno.EINVAL, () -> client.map(unsealed, 0, 0, 4096, READ_WRITE));
            refused(Errno.EINVAL, () -> client.map(file, 0, 0, 1 << 17, READ_WRITE));
            refused(Errno.EINVAL, () -> client.map(file, 1, 0, 4096, READ_WRITE));
            refused(Errno.EINVAL, () -> client.map(file, 0, 1, 4096, READ_WRITE));
            refused(Errno.EINVAL, () -> client.map(file, 0, -4096, 8192, READ_WRITE));
            refused(Errno.EINVAL, () -> client.map(file, 0, 0, 0, READ_WRITE));
            refused(Errno.EINVAL, () -> client.map(file, 0, 0, 4096, 0x10));
            client.map(file, 0, 0x10000, 0x4000, READ_WRITE);
            refused(Errno.EEXIST, () -> client.map(file, 0, 0x13000, 0x4000, READ_WRITE));
            refused(Errno.EINVAL, () -> client.unmap(0x10000, 0x2000));
            refused(Errno.EINVAL, () -> client.unmap(0x12000, 0x8000));
            refused(Errno.ENOENT, () -> client.unmap(0x20000, 0x1000));
            client.unmap(0, 0x100000); // spans it
            refused(Errno.ENOENT, () -> client.unmap(0x10000, 0x4000));
        }
        assertThat(escrow.size()).isEqualTo(3); // segment, listener, connection
    }

    @Test
    void aRangeWithoutDescriptorIsRecordedAndUnreachable() throws IOException {
        client.request(Wire.DMA_MAP, map(0x1000, 0x1000));
        client.write(0, 8, 8, 0x1000);
        assertThat(client.read(0, 0, 8)).isEqualTo(-1);
        client.request(Wire.DMA_UNMAP, words(24, 2, 0, 0, 0, 0)); // all
        refused(Errno.ENOENT, () -> client.unmap(0x1000, 0x1000));
    }

    @Test
    void interruptsReachTheirEventfdOrWaitForIt() throws IOException {
        client.write(CONFIG, 0x04, 2, 6);
        try (Descriptor first = EventFd.create();
                Descriptor second = EventFd.create()) {
            client.write(0, 16, 8, 2); // before there is an eventfd
            assertThat(client.read(0, 0x3000, 8)).isEqualTo(4);
            client.assign(1, first, second);
            assertThat(EventFd.drain(first.number())).isZero();
            assertThat(EventFd.drain(second.number())).isEqualTo(1);
            assertThat(client.read(0, 0x3000, 8)).isZero();
            client.write(0, 16, 8, 1);
            client.read(0, 0, 8);
            assertThat(EventFd.drain(first.number())).isEqualTo(1);
            client.write(CONFIG, 0x04, 2, 2); // no bus master: it has to wait
            client.write(0, 16, 8, 1);
            assertThat(EventFd.drain(first.number())).isZero();
            client.write(CONFIG, 0x04, 2, 6);
            assertThat(EventFd.drain(first.number())).isEqualTo(1);
            client.disableInterrupts();
            client.write(0, 16, 8, 1);
            assertThat(EventFd.drain(first.number())).isZero();
        }
        assertThat(escrow.size()).isEqualTo(3);
    }

    @Test
    void anInterruptGoesToAnEventfdAndToNothingElse() throws IOException {
        Descriptor[] pipe = FileIo.pipe();
        try (Descriptor reader = pipe[0];
                Descriptor writer = pipe[1];
                Descriptor memory = MemoryFile.create("guest", 4096);
                Descriptor eventfd = EventFd.create()) {
            refused(Errno.EINVAL, () -> client.assign(2, writer));
            refused(Errno.EINVAL, () -> client.assign(2, reader));
            refused(Errno.EINVAL, () -> client.assign(2, memory));
            refused(Errno.EINVAL, () -> client.assign(2, client.socket()));
            refused(Errno.EINVAL, () -> client.assign(2, eventfd, writer)); // neither of them
            client.write(CONFIG, 0x04, 2, 6);
            client.write(0, 16, 8, 2);
            assertThat(client.read(0, 0x3000, 8)).isEqualTo(4);
            client.assign(2, eventfd);
            assertThat(client.read(0, 0x3000, 8)).isZero();
            assertThat(EventFd.drain(eventfd.number())).isEqualTo(1);
        }
        assertThat(escrow.size()).isEqualTo(4); // segment, listener, connection, eventfd
    }

    @Test
    void interruptFormsThatMakeNoSenseAreRefused() throws IOException {
        refused(Errno.EINVAL, () -> client.request(8, words(20, 0x24, 2, 4, 2))); // beyond
        refused(Errno.EINVAL, () -> client.request(8, words(20, 0x25, 2, 0, 1))); // two kinds
        refused(Errno.EINVAL, () -> client.request(8, words(20, 0x04, 2, 0, 1))); // no action
        refused(Errno.EINVAL, () -> client.request(8, words(20, 0x24, 9, 0, 1)));
        refused(Errno.EINVAL, () -> client.request(8, words(20, 0x24, 2, -1, 2)));
        refused(Errno.EINVAL, () -> client.request(8, words(20, 0x22, 2, 0, 2))); // no data
        for (int index = 0; index < 5; index++) {
            client.request(8, words(20, 0x21, index, 0, 0)); // off, also where it never was on
        }
        client.request(8, words(20, 0x24, 2, 0, 5)); // a run without descriptors
        client.request(8, words(20, 0x21, 2, 1, 1)); // fire by hand
        assertThat(client.read(0, 0x3000, 1)).isEqualTo(2);
    }

    @Test
    void postedWritesAreOrderedBeforeReads() throws IOException {
        for (int i = 0; i < 1000; i++) {
            client.post(0, 0, 8, 1);
        }
        assertThat(client.read(0, 0, 8)).isEqualTo(1000);
        client.post(7, 0, 8, 1); // configuration space: works, and has no reply either
        client.post(99, 0, 8, 1); // fails, and has none
        assertThat(client.read(0, 0, 8)).isEqualTo(1000);
    }

    @Test
    void aClientThatBreaksTheProtocolLosesItsConnectionOnly() throws IOException {
        for (int size : new int[] {0, 15, 1 << 20, -1}) {
            raw(ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putInt(4, size));
            assertThatThrownBy(() -> client.read(0, 0, 4)).isInstanceOf(EOFException.class);
            client.close();
            client = FunctionClient.connect(socket);
        }
        assertThat(client.read(CONFIG, 0, 2)).isEqualTo(0x1d0f);
    }

    @Test
    void whatAClientLeftBehindIsGoneForTheNext() throws IOException {
        int before = descriptors();
        for (int i = 0; i < 300; i++) {
            try (Descriptor file = MemoryFile.create("guest", 1 << 16);
                    Descriptor eventfd = EventFd.create()) {
                client.map(file, 0, 0, 1 << 16, READ_WRITE);
                client.assign(0, eventfd);
                client.write(0, 0, 8, 7);
                client.close();
            }
            client = FunctionClient.connect(socket);
            assertThat(client.read(0, 0, 8)).isZero();
        }
        assertThat(descriptors()).isEqualTo(before);
        assertThat(escrow.size()).isEqualTo(3);
    }

    @Test
    void removalEndsTheConnectionAndTakesTheSocketAway() {
        server.close();
        assertThatThrownBy(() -> client.read(0, 0, 4)).isInstanceOf(EOFException.class);
        assertThat(socket).doesNotExist();
        assertThat(escrow.size()).isZero();
    }

    @Test
    void aMessageInPiecesIsServedOnceItIsWhole() throws IOException {
        ByteBuffer message = ByteBuffer.allocate(40).order(ByteOrder.LITTLE_ENDIAN);
        message.putShort(2, (short) Wire.REGION_WRITE).putInt(4, 40).putInt(8, Wire.NO_REPLY);
        message.putLong(16, 0).putInt(24, 0).putInt(28, 8).putLong(32, 9);
        raw(message.slice(0, 10));
        raw(message.slice(10, 30));
        assertThat(client.read(0, 0, 8)).isEqualTo(9);
    }

    private void raw(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.capacity()];
        bytes.get(0, copy);
        try (var arena = Arena.ofConfined()) {
            var memory = arena.allocateFrom(JAVA_BYTE, copy);
            long sent = UnixSocket.send(client.socket().number(), memory.address(), copy.length, 0);
            assertThat(sent).isEqualTo(copy.length);
        }
    }

    private static int descriptors() throws IOException {
        try (var files = Files.list(Path.of("/proc/self/fd"))) {
            return (int) files.count();
        }
    }

    private static ByteBuffer map(long address, long bytes) {
        ByteBuffer payload = words(32, READ_WRITE, 0, 0, 0, 0, 0, 0);
        return payload.putLong(16, address).putLong(24, bytes);
    }

    private static ByteBuffer words(int... values) {
        ByteBuffer payload = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : values) {
            payload.putInt(value);
        }
        return payload;
    }

    private interface Request {
        void run() throws IOException;
    }

    private static int attempt(Request request) {
        try {
            request.run();
            return 0;
        } catch (LinuxException e) {
            return e.errno();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void refused(int errno, Request request) {
        assertThat(attempt(request)).isEqualTo(errno);
    }
}
