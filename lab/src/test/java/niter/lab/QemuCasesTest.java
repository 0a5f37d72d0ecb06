package niter.lab;

import static niter.lab.QtestHost.DETACHABLE;
import static niter.lab.QtestHost.ROOT;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import niter.lab.QtestMachine.Board;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The cases of {@code PublishedCasesTest} as QEMU makes them, with a built card: regions,
 * interrupts and what a function leaves alone. A machine without a guest, in which the test is the
 * driver.
 */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class QemuCasesTest {
    private static final long CAP = 0x0000_0020_1401_03ffL;
    private static final long VS = 0x0001_0400;

    @TempDir static Path home;
    private static QtestHost host;

    @BeforeAll
    static void start() throws IOException {
        host = new QtestHost(home);
    }

    @AfterAll
    static void stop() throws IOException {
        host.close();
    }

    // ---- regions

    @ParameterizedTest
    @EnumSource
    void barsAreSizedMovedAndSwitchedOff(Board board) throws IOException {
        try (QtestMachine machine = host.machine(board)) {
            for (int slot : new int[] {ROOT, DETACHABLE}) {
                QtestNvme nvme = new QtestNvme(machine, slot);
                for (int at = QtestNvme.BAR0; at <= 0x30; at += 4) {
                    if (at == 0x28 || at == 0x2c) {
                        continue; // no BAR
                    }
                    nvme.config(at, 4, 0xffff_ffffL);
                    long sized = nvme.config(at, 4);
                    nvme.config(at, 4, 0);
                    assertThat(sized).isEqualTo(at == QtestNvme.BAR0 ? 0xffff_c000L : 0);
                    assertThat(nvme.config(at, 4)).isZero();
                }
                nvme.open();
                assertThat(nvme.register(0, 8)).isEqualTo(CAP);
                nvme.moveTo(0xe800_0000L + ((long) slot << 16));
                assertThat(nvme.register(0, 8)).isEqualTo(CAP);
                nvme.config(QtestNvme.COMMAND, 2, 4);
                assertThat(nvme.register(0, 8)).isNotEqualTo(CAP);
                nvme.config(QtestNvme.COMMAND, 2, 6);
                assertThat(nvme.register(8, 4)).isEqualTo(VS);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {ROOT, DETACHABLE})
    void registersAreReadInAnySizeAtAnyPlace(int slot) throws IOException {
        try (QtestMachine machine = host.machine(Board.Q35)) {
            QtestNvme nvme = QtestNvme.started(machine, slot);
            nvme.register(QtestNvme.CC, 4, 0);
            QtestMachine.await("CSTS 0", () -> nvme.register(QtestNvme.CSTS, 4) == 0);
            nvme.register(QtestNvme.ASQ, 8, 0x1234_5678_9abc_d000L);
            nvme.register(QtestNvme.ASQ + 8, 4, 0x2345_6000);
            nvme.register(QtestNvme.ASQ + 12, 4, 0x789a_bcde);
            ByteBuffer bytes = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
            for (int at = 0; at < bytes.capacity(); at++) {
                bytes.put(at, (byte) nvme.register(at, 1));
            }
            assertThat(bytes.getLong(0)).isEqualTo(CAP);
            assertThat(bytes.getInt(8)).isEqualTo((int) VS);
            assertThat(bytes.getLong(QtestNvme.ASQ)).isEqualTo(0x1234_5678_9abc_d000L);
            assertThat(bytes.getLong(QtestNvme.ASQ + 8)).isEqualTo(0x789a_bcde_2345_6000L);
            for (int at = 0; at < bytes.capacity(); at++) {
                assertThat(nvme.register(at, 1)).isEqualTo(bytes.get(at) & 0xff);
                if (at <= bytes.capacity() - 8) {
                    assertThat(nvme.register(at, 2)).isEqualTo(bytes.getShort(at) & 0xffff);
                    assertThat(nvme.register(at, 4)).isEqualTo(bytes.getInt(at) & 0xffff_ffffL);
                    assertThat(nvme.register(at, 8)).isEqualTo(bytes.getLong(at));
                }
            }
            nvme.register(QtestNvme.ASQ + 2, 4, 0); // in pieces, none of them a register's
            nvme.register(QtestNvme.ASQ + 1, 1, 0xff);
            assertThat(nvme.register(QtestNvme.ASQ, 8)).isEqualTo(0x1234_5678_9abc_d000L);
            for (int size = 1; size <= 8; size *= 2) { // an error would be all ones
                assertThat(nvme.register(QtestNvme.BAR_BYTES - size, size)).isZero();
            }
            assertThat(nvme.register(QtestNvme.BAR_BYTES - 4, 8) & 0xffff_ffffL).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void configurationSpaceIsTheSameInAllSizes(Board board) throws IOException {
        try (QtestMachine machine = host.machine(board)) {
            for (int slot : new int[] {ROOT, DETACHABLE}) {
                QtestNvme nvme = new QtestNvme(machine, slot);
                nvme.config(0, 4, 0x1234_5678); // read only
                nvme.config(0x3c, 1, 0x0b);
                ByteBuffer bytes = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
                for (int at = 0; at < 256; at++) {
                    bytes.put(at, (byte) nvme.config(at, 1));
                }
                for (int at = 0; at < 256; at += 4) {
                    assertThat(nvme.config(at, 4)).isEqualTo(bytes.getInt(at) & 0xffff_ffffL);
                    for (int word = at; word < at + 4; word += 2) {
                        assertThat(nvme.config(word, 2)).isEqualTo(bytes.getShort(word) & 0xffff);
                    }
                }
                assertThat(bytes.getInt(0)).isEqualTo(0x8061_1d0f);
                assertThat(bytes.getInt(8) >>> 8).isEqualTo(0x01_0802);
                assertThat(bytes.get(0x3c)).isEqualTo((byte) 0x0b);
                assertThat(nvme.capabilities().stream().map(capability -> capability[0]))
                        .containsExactly(0x01, QtestNvme.MSIX, QtestNvme.EXPRESS);
                int msix = nvme.capability(QtestNvme.MSIX);
                assertThat(bytes.getShort(msix + 2)).as("vectors less 1").isEqualTo((short) 32);
                assertThat(bytes.getInt(msix + 4)).as("table in BAR 0").isEqualTo(0x2000);
                assertThat(bytes.getInt(msix + 8)).as("pending bits").isEqualTo(0x3000);
                int express = nvme.capability(QtestNvme.EXPRESS);
                assertThat(bytes.getInt(express + 4) >>> 28 & 1).as("FLR").isEqualTo(1);
            }
        }
    }

    // ---- interrupts

    @ParameterizedTest
    @ValueSource(ints = {ROOT, DETACHABLE})
    void interruptsAreMaskedReplacedAndSwitchedOff(int slot) throws IOException {
        boolean shown = slot == DETACHABLE;
        try (QtestMachine machine = host.machine(Board.Q35)) {
            QtestNvme nvme = QtestNvme.started(machine, slot);
            long first = nvme.messages;
            long second = nvme.messages + 64;
            nvme.vector(first, QtestNvme.FIRED);
            nvme.control(QtestNvme.MSIX_ENABLED);
            nvme.holdsBack(first, true);
            nvme.mask(false);
            nvme.fires(first, QtestNvme.FIRED);
            nvme.answers();
            nvme.fires(first, QtestNvme.FIRED);
            nvme.mask(true);
            nvme.holdsBack(first, shown);
            nvme.vector(second, 0x2222);
            nvme.mask(false);
            nvme.fires(second, 0x2222);
            nvme.control(QtestNvme.MSIX_MASKED);
            nvme.holdsBack(second, shown);
            nvme.control(QtestNvme.MSIX_ENABLED);
            nvme.fires(second, 0x2222);
            nvme.control(0);
            nvme.holdsBack(second, true);
            nvme.control(QtestNvme.MSIX_ENABLED);
            nvme.fires(second, 0x2222);
            assertThat(machine.read(first, 4)).as("the replaced address").isZero();
        }
    }

    // ---- quiet

    @ParameterizedTest
    @ValueSource(ints = {ROOT, DETACHABLE})
    void withoutBusMasteringNothingIsReached(int slot) throws IOException {
        try (QtestMachine machine = host.machine(Board.Q35)) {
            QtestNvme nvme = QtestNvme.started(machine, slot);
            QtestQueue queue = nvme.createQueue();
            nvme.interrupt();
            nvme.fires(nvme.messages, QtestNvme.FIRED); // of the queue's creation
            for (int n = 0; n < 10; n++) {
                queue.read(nvme.data);
                queue.ring();
                nvme.busMaster(false);
                machine.clear(nvme.data, 4096);
                boolean completed = queue.isCompleted();
                quiet(machine, nvme);
                assertThat(queue.isCompleted()).isEqualTo(completed);
                assertThat(machine.read(nvme.data, 8)).isZero();
                nvme.busMaster(true);
                assertThat(nvme.admin.take()).isZero();
                assertThat(nvme.isIdentified(nvme.page)).isTrue();
                nvme.fires(nvme.messages, QtestNvme.FIRED);
                assertThat(queue.take()).isZero();
            }
        }
    }

    /** QEMU looks at a message only once it has served what the processor asks for next. */
    @ParameterizedTest
    @ValueSource(ints = {ROOT, DETACHABLE})
    void aMessageOnItsWayIsNotLostWithBusMastering(int slot) throws IOException {
        try (QtestMachine machine = host.machine(Board.Q35)) {
            QtestNvme nvme = QtestNvme.started(machine, slot);
            nvme.interrupt();
            for (int n = 0; n < 50; n++) {
                nvme.mask(true);
                nvme.answers();
                nvme.settle();
                nvme.mask(false);
                nvme.busMaster(false);
                nvme.busMaster(true);
                nvme.fires(nvme.messages, QtestNvme.FIRED);
            }
        }
    }

    /** An admin command is rung for, and neither fetched nor answered. */
    private static void quiet(QtestMachine machine, QtestNvme nvme) throws IOException {
        machine.clear(nvme.page, 4096);
        nvme.admin.identify(nvme.page);
        nvme.admin.ring();
        nvme.settle();
        assertThat(nvme.admin.isCompleted()).isFalse();
        assertThat(nvme.isIdentified(nvme.page)).isFalse();
        assertThat(machine.read(nvme.messages, 4)).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {ROOT, DETACHABLE})
    void afterAResetNothingIsReachedUntilItIsSetUpAnew(int slot) throws IOException {
        try (QtestMachine machine = host.machine(Board.Q35)) {
            QtestNvme nvme = QtestNvme.started(machine, slot);
            for (int n = 0; n < 10; n++) {
                nvme.interrupt();
                nvme.answers();
                nvme.fires(nvme.messages, QtestNvme.FIRED);
                QtestQueue queue = nvme.createQueue();
                nvme.fires(nvme.messages, QtestNvme.FIRED);
                queue.read(nvme.data);
                queue.read(nvme.data);
                queue.ring();
                reset(machine, nvme, n % 2 == 0);
                machine.clear(nvme.data, 4096);
                machine.clear(queue.completions, 4096);
                machine.clear(nvme.messages, 4); // may have come before the reset
                assertThat(nvme.config(QtestNvme.COMMAND, 2)).isZero();
                nvme.open();
                assertThat(nvme.register(QtestNvme.CC, 4)).isZero();
                assertThat(nvme.register(QtestNvme.CSTS, 4)).isZero();
                quiet(machine, nvme);
                assertThat(machine.bytes(queue.completions, 4096)).containsOnly(0);
                assertThat(machine.bytes(nvme.data, 4096)).containsOnly(0);
                nvme.start();
            }
        }
    }

    /** By the function itself, or by the machine. */
    private static void reset(QtestMachine machine, QtestNvme nvme, boolean function)
            throws IOException {
        if (function) {
            nvme.functionLevelReset();
        } else {
            machine.qmp("{'execute':'system_reset'}");
            machine.awaitEvent("\"RESET\"");
            assertThat(nvme.config(QtestNvme.BAR0, 4)).isZero();
        }
    }
}
