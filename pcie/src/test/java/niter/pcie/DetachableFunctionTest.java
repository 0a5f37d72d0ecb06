package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.linux.MemoryFile;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A function that keeps its MSI-X table itself and interrupts by messages. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DetachableFunctionTest {
    private static final int CONFIG = 7;
    private static final int MSIX_CONTROL = 0x52;
    private static final int ENABLE = 0x8000;
    private static final int FUNCTION_MASK = 0x4000;
    private static final int TABLE = 0x2000;
    private static final int PENDING = 0x3000;
    private static final int FIRE = 16; // the device's register
    private static final long DOORBELL = 0xfee0_0000L;

    @TempDir Path directory;
    private final FakeEscrow escrow = new FakeEscrow(() -> {});
    private final Arena arena = Arena.ofShared(); // JUnit times the tests on another thread
    private final MemorySegment word = arena.allocate(4, 4);
    private final Descriptor guest = MemoryFile.create("guest", 1 << 16);
    private FunctionServer server;
    private FunctionClient client;

    @BeforeEach
    void start() throws IOException {
        Path socket = directory.resolve("function.sock");
        server = FunctionServer.start("adder", new Adder(() -> {}, true), socket, escrow, Map.of());
        client = FunctionClient.connect(socket);
        client.map(guest, 0, DOORBELL, 1 << 16, 3);
        client.write(CONFIG, 4, 2, 6);
    }

    @AfterEach
    void stop() {
        client.close();
        server.close();
        escrow.close();
        guest.close();
        arena.close();
    }

    private void entry(int vector, int data, boolean masked) throws IOException {
        client.write(0, TABLE + 16 * vector, 8, DOORBELL + 4 * vector);
        client.write(0, TABLE + 16 * vector + 8, 4, data);
        client.write(0, TABLE + 16 * vector + 12, 4, masked ? 1 : 0);
    }

    /** What the vector's message wrote, and forgets it. */
    private int taken(int vector) {
        FileIo.pread(guest.number(), word.address(), 4, 4L * vector);
        int value = word.get(JAVA_INT, 0);
        word.set(JAVA_INT, 0, 0);
        FileIo.pwrite(guest.number(), word.address(), 4, 4L * vector);
        return value;
    }

    @Test
    void whoReadsAllOfTheConfigurationSeesNoCapabilities() throws IOException {
        byte[] all = client.readBytes(CONFIG, 0, 256);
        assertThat(all[0x06] & 0x10).isZero();
        assertThat(all[0x34]).isZero();
        assertThat(client.read(CONFIG, 0x06, 2) & 0x10).isEqualTo(0x10);
        assertThat(client.read(CONFIG, 0x34, 1)).isEqualTo(0x40);
        assertThat(client.read(CONFIG, 0x50, 1)).isEqualTo(0x11);
        assertThat(client.interrupts(2)).isZero();
    }

    @Test
    void theTableIsMaskedAtFirstAndHoldsWhatItMayHold() throws IOException {
        for (int i = 0; i < 5; i++) {
            assertThat(client.read(0, TABLE + 16 * i, 8)).isZero();
            assertThat(client.read(0, TABLE + 16 * i + 8, 8)).isEqualTo(1L << 32);
        }
        client.write(0, TABLE, 8, -1);
        client.write(0, TABLE + 8, 8, -1);
        assertThat(client.read(0, TABLE, 8)).isEqualTo(-4L);
        assertThat(client.read(0, TABLE + 8, 8)).isEqualTo(0x1_ffff_ffffL);
        client.write(0, PENDING, 8, -1);
        assertThat(client.read(0, PENDING, 8)).isZero();
        client.reset();
        assertThat(client.read(0, TABLE, 8)).isZero();
        assertThat(client.read(0, TABLE + 8, 8)).isEqualTo(1L << 32);
    }

    @Test
    void aMaskedVectorStaysPendingAndFiresOnce() throws IOException {
        entry(1, 0x41, true);
        entry(2, 0x42, false);
        client.write(CONFIG, MSIX_CONTROL, 2, ENABLE | FUNCTION_MASK);
        client.write(0, FIRE, 8, 1);
        client.write(0, FIRE, 8, 2);
        assertThat(client.read(0, PENDING, 8)).isEqualTo(6);
        assertThat(taken(1) + taken(2)).isZero();
        client.write(CONFIG, MSIX_CONTROL, 2, ENABLE);
        assertThat(client.read(0, PENDING, 8)).isEqualTo(2);
        assertThat(taken(2)).isEqualTo(0x42);
        client.write(0, TABLE + 16 + 12, 4, 0);
        assertThat(client.read(0, PENDING, 8)).isZero();
        assertThat(taken(1)).isEqualTo(0x41);
        assertThat(taken(2)).isZero();
    }

    @Test
    void whatFiresBeforeMsixIsEnabledIsNotLost() throws IOException {
        client.write(0, FIRE, 8, 0);
        entry(0, 0x40, false);
        assertThat(client.read(0, PENDING, 8)).isEqualTo(1);
        client.write(CONFIG, MSIX_CONTROL, 2, ENABLE);
        client.read(0, 0, 8);
        assertThat(taken(0)).isEqualTo(0x40);
    }

    @Test
    void withoutBusMasterNothingIsWritten() throws IOException {
        entry(0, 0x40, false);
        client.write(CONFIG, MSIX_CONTROL, 2, ENABLE);
        client.write(CONFIG, 4, 2, 2);
        client.write(0, FIRE, 8, 0);
        client.read(0, 0, 8);
        assertThat(taken(0)).isZero();
        client.write(CONFIG, 4, 2, 6);
        client.read(0, 0, 8);
        assertThat(taken(0)).isEqualTo(0x40);
    }

    /** QEMU may see a message only once the guest has switched bus mastering off. */
    @Test
    void aMessageThatBusMasteringOvertookIsPendingAgain() throws IOException {
        entry(0, 0x40, false);
        client.write(CONFIG, MSIX_CONTROL, 2, ENABLE);
        refuse(0); // sent to nowhere: the guest's mistake
        client.write(CONFIG, 4, 2, 2);
        assertThat(client.read(0, PENDING, 8)).isZero();
        refuse(0);
        refuse(5); // there is none
        refuse(0xffff);
        assertThat(client.read(0, PENDING, 8)).isEqualTo(1);
        client.write(CONFIG, 4, 2, 6);
        client.read(0, 0, 8);
        assertThat(taken(0)).isEqualTo(0x40);
        assertThat(client.read(0, PENDING, 8)).isZero();
        client.reset();
        refuse(0); // of before the reset
        assertThat(client.read(0, PENDING, 8)).isZero();
    }

    /** The client's answer to a vector's message that it cannot deliver. */
    private void refuse(int vector) {
        try (Arena call = Arena.ofConfined()) {
            MemorySegment reply = call.allocate(Wire.HEADER_BYTES, 8);
            reply.set(JAVA_SHORT, Wire.ID, (short) vector);
            reply.set(JAVA_SHORT, Wire.COMMAND, (short) Wire.DMA_WRITE);
            reply.set(JAVA_INT, Wire.SIZE, Wire.HEADER_BYTES);
            reply.set(JAVA_INT, Wire.FLAGS, Wire.TYPE_REPLY | Wire.IS_ERROR);
            reply.set(JAVA_INT, Wire.ERROR, Errno.ENODEV);
            int socket = client.socket().number();
            assertThat(UnixSocket.send(socket, reply.address(), Wire.HEADER_BYTES, 0))
                    .isEqualTo(Wire.HEADER_BYTES);
        }
    }

    /** More than a socket holds: the rest waits in the pending bits, and replies have room. */
    @Test
    void aClientThatDoesNotReadLosesNoReplyAndNoVector() throws IOException {
        for (int i = 0; i < 5; i++) {
            entry(i, 0x40 + i, false);
        }
        client.write(CONFIG, MSIX_CONTROL, 2, ENABLE);
        for (int i = 0; i < 5000; i++) {
            client.post(0, FIRE, 8, i % 5);
        }
        assertThat(client.readBytes(0, 0x1100, 4000)).hasSize(4000);
        while (client.read(0, PENDING, 8) != 0) {
            Thread.onSpinWait(); // the server tries again by the clock
        }
        for (int i = 0; i < 5; i++) {
            assertThat(taken(i)).isEqualTo(0x40 + i);
        }
    }
}
