package niter.lab;

import static niter.lab.QtestHost.DETACHABLE;
import static niter.lab.QtestHost.ROOT;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import niter.lab.QtestMachine.Board;
import niter.linux.Processes;
import niter.linux.Signals;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A machine's memory that comes and goes, the card's end and the machine's: as QEMU tells of them,
 * with a built card. No guest; the test is the driver.
 */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class QemuMemoryTest {
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

    // ---- DMA

    /**
     * What firmware does at a boot, more often: memory at 0xa0000 to 0xfffff comes, goes and
     * becomes read only, and with each step that around it, where the queue lies, is mapped anew.
     */
    @ParameterizedTest
    @EnumSource
    void mapsComeAndGoUnderAQueue(Board board) throws IOException {
        SplittableRandom random = new SplittableRandom(27);
        int[] modes = {0, 1, 3}; // none, read only, all
        int[] registers = {1, 3, 6}; // of PAM, the low nibbles
        long[] pages = {0xc_0000, 0xd_0000, 0xe_8000};
        try (QtestMachine machine = host.machine(board)) {
            for (int slot : new int[] {ROOT, DETACHABLE}) {
                QtestNvme nvme = QtestNvme.started(machine, slot);
                nvme.start(0x1_0000, 0x1_1000);
                QtestQueue queue = nvme.createQueue();
                for (int n = 0; n < 30; n++) {
                    boolean open = random.nextBoolean();
                    nvme.admin.identify(nvme.page);
                    queue.read(nvme.data);
                    nvme.admin.ring();
                    queue.ring();
                    machine.config(0, board.smram, 1, open ? 0x4a : 0x0a);
                    assertThat(nvme.admin.take()).isZero();
                    assertThat(queue.take()).isZero();
                    int mode = modes[random.nextInt(modes.length)];
                    int where = random.nextInt(pages.length);
                    machine.config(0, board.pam + registers[where], 1, mode);
                    nvme.reaches(pages[where], mode == 3);
                    nvme.reaches(0xa_0000, open);
                    nvme.answers();
                }
            }
        }
    }

    /** A submission queue is only read; without memory below it, it pauses. */
    @ParameterizedTest
    @EnumSource
    void aQueueLiesInMemoryThatChanges(Board board) throws IOException {
        int pam = board.pam + 5; // of 0xe0000
        try (QtestMachine machine = host.machine(board)) {
            for (int slot : new int[] {ROOT, DETACHABLE}) {
                QtestNvme nvme = QtestNvme.started(machine, slot);
                machine.config(0, pam, 1, 3);
                nvme.start(0xe_0000, 0x1_1000);
                nvme.answers();
                nvme.admin.identify(nvme.page);
                machine.config(0, pam, 1, 1);
                nvme.admin.ring();
                assertThat(nvme.admin.take()).isZero();
                machine.config(0, pam, 1, 3);
                nvme.admin.identify(nvme.page);
                machine.config(0, pam, 1, 0);
                nvme.admin.ring();
                nvme.settle();
                assertThat(nvme.admin.isCompleted()).isFalse();
                assertThat(nvme.register(QtestNvme.CSTS, 4)).isEqualTo(1);
                machine.config(0, pam, 1, 3);
                assertThat(nvme.admin.take()).isZero();
                nvme.answers();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aMemoryModuleComesAndGoes(Board board) throws IOException {
        try (QtestMachine machine = host.machine(board)) {
            QtestNvme nvme = QtestNvme.started(machine, ROOT);
            QtestNvme other = QtestNvme.started(machine, DETACHABLE);
            int without = host.mappings();
            machine.qmp(
                    "{'execute':'object-add','arguments':{'qom-type':'memory-backend-memfd',"
                            + "'id':'more','size':67108864,'share':true,'seal':true}}");
            long module = machine.plugMemory("more");
            assertThat(host.mappings()).as("one of each function").isEqualTo(without + 2);
            nvme.start(module, module + 0x1000);
            nvme.reaches(module + (63 << 20), true);
            QtestQueue queue = nvme.createQueue();
            queue.read(module + 0x2000);
            queue.ring();
            nvme.admin.identify(nvme.page);
            machine.clear(nvme.page, 4096);
            machine.unplugMemory();
            assertThat(queue.take()).isIn(0, QtestNvme.DATA_TRANSFER_ERROR); // in time or not
            assertThat(host.mappings()).isEqualTo(without);
            nvme.admin.ring();
            nvme.settle();
            assertThat(nvme.isIdentified(nvme.page)).isFalse();
            assertThat(nvme.register(QtestNvme.CSTS, 4)).as("it waits").isEqualTo(1);
            other.answers();
            assertThat(machine.plugMemory("more")).isEqualTo(module);
            assertThat(nvme.admin.take()).isZero();
            nvme.answers();
            machine.unplugMemory();
            nvme.start(); // a reset does not need the old queue
            nvme.reaches(module, false);
            machine.qmp("{'execute':'object-del','arguments':{'id':'more'}}");
            nvme.start(module, module + 0x1000);
            nvme.admin.ring();
            nvme.settle();
            nvme.start();
            nvme.answers();
            other.answers();
        }
    }

    // ---- ends

    /** The same machine goes on with the same queues, whatever the card was amid of. */
    @Test
    void theCardIsKilled() throws Exception {
        try (QtestMachine machine = host.machine(Board.Q35)) {
            List<QtestNvme> functions =
                    List.of(
                            QtestNvme.started(machine, ROOT),
                            QtestNvme.started(machine, DETACHABLE));
            List<QtestQueue> queues =
                    List.of(functions.getFirst().createQueue(), functions.getLast().createQueue());
            for (QtestNvme nvme : functions) {
                nvme.interrupt();
                nvme.fires(nvme.messages, QtestNvme.FIRED); // of the queue's creation
            }
            for (int n = 0; n < 4; n++) {
                int before = host.card();
                for (int i = 0; i < functions.size(); i++) {
                    QtestNvme nvme = functions.get(i);
                    machine.clear(nvme.page, 4096);
                    machine.clear(nvme.data, 4096);
                    nvme.admin.identify(nvme.page);
                    queues.get(i).read(nvme.data);
                    queues.get(i).read(nvme.data);
                    queues.get(i).ring();
                }
                Thread killer =
                        Thread.startVirtualThread(() -> Processes.kill(before, Signals.SIGKILL));
                functions.getLast().admin.ring();
                for (int mode : new int[] {3, 0, 1, n % 2 == 0 ? 3 : 0}) {
                    machine.config(0, machine.board.pam + 3, 1, mode); // waits for a successor
                }
                functions.getFirst().admin.ring();
                killer.join();
                for (int i = 0; i < functions.size(); i++) {
                    wentOn(machine, functions.get(i), queues.get(i));
                    functions.get(i).reaches(0xd_0000, n % 2 == 0);
                    functions.get(i).fires(functions.get(i).messages, QtestNvme.FIRED);
                }
                assertThat(host.card()).isNotEqualTo(before);
            }
        }
    }

    private static void wentOn(QtestMachine machine, QtestNvme nvme, QtestQueue queue)
            throws IOException {
        assertThat(nvme.admin.take()).isZero();
        assertThat(nvme.isIdentified(nvme.page)).isTrue();
        assertThat(queue.take()).isZero();
        assertThat(queue.take()).isZero();
        assertThat(machine.read(nvme.data, 8)).isEqualTo(QtestHost.CONTENT);
        nvme.fires(nvme.messages, QtestNvme.FIRED);
        assertThat(nvme.register(QtestNvme.CSTS, 4)).isEqualTo(1);
        nvme.settle();
        machine.clear(nvme.messages, 4); // a successor fires once more than there is need
        assertThat(nvme.admin.isCompleted()).as("once, not twice").isFalse();
        assertThat(queue.isCompleted()).isFalse();
    }

    /** Each machine is killed with commands in flight; the next one finds all as the first did. */
    @Test
    void machinesThatEndLeaveNothing() throws IOException {
        int descriptors = 0;
        int mappings = 0;
        for (int n = 0; n < 8; n++) {
            try (QtestMachine machine = host.machine(Board.PC)) {
                for (int slot : new int[] {ROOT, DETACHABLE}) {
                    QtestNvme nvme = QtestNvme.started(machine, slot);
                    nvme.interrupt();
                    nvme.answers();
                    nvme.fires(nvme.messages, QtestNvme.FIRED);
                    nvme.admin.identify(nvme.page);
                    nvme.admin.ring();
                }
                if (n == 0) {
                    descriptors = host.descriptors();
                    mappings = host.mappings();
                }
                int first = descriptors;
                QtestMachine.await("as at first", () -> host.descriptors() == first);
                assertThat(host.mappings()).isEqualTo(mappings);
            }
        }
    }

    @Test
    void aFunctionIsUnpluggedAndPluggedIn() throws IOException {
        try (QtestMachine machine = host.machine(Board.PC)) {
            QtestNvme stays = QtestNvme.started(machine, ROOT);
            int descriptors = host.descriptors();
            for (int n = 0; n < 8; n++) {
                QtestNvme nvme = QtestNvme.started(machine, DETACHABLE);
                nvme.answers();
                nvme.admin.identify(nvme.page);
                nvme.admin.ring();
                machine.unplug(DETACHABLE);
                assertThat(nvme.config(0, 4)).isEqualTo(0xffff_ffffL);
                stays.answers();
                machine.plug(DETACHABLE, host.detachable());
            }
            QtestNvme.started(machine, DETACHABLE).answers();
            QtestMachine.await("as at first", () -> host.descriptors() == descriptors);
        }
    }
}
