package niter.nvme;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Admin commands with their status, as numbers of the specification. */
class AdminCommandsTest {
    private static final int DNR = 0x4000;

    private final MemoryNamespace namespace =
            new MemoryNamespace(Arena.ofAuto().allocate(1 << 20), null);
    private final Guest guest = Guest.over(namespace);

    @BeforeEach
    void enable() {
        guest.enable();
    }

    private int status(Command command) {
        return guest.admin(command).status();
    }

    @ParameterizedTest
    @CsvSource({
        "0, 16, 0x4101", // the admin queue's id
        "33, 16, 0x4101",
        "65535, 16, 0x4101",
        "1, 1, 0x4102",
        "1, 1025, 0x4102",
        "1, 2, 0",
        "32, 1024, 0"
    })
    void completionQueuesHaveBounds(int id, int entries, int expected) {
        Guest.Pair pair = guest.new Pair(id, 16, entries);
        assertThat(status(Command.createCompletion(pair, 1, 3))).isEqualTo(expected);
    }

    @Test
    void completionQueuesAreCheckedFurther() {
        Guest.Pair pair = guest.new Pair(1, 16, 16);
        assertThat(status(Command.createCompletion(pair, 33, 3))).isEqualTo(DNR | 0x108);
        assertThat(status(Command.createCompletion(pair, 1, 2))).isEqualTo(DNR | 0x02);
        Command crooked = Command.createCompletion(pair, 1, 3).prp(pair.completionBase + 8, 0);
        assertThat(status(crooked)).isEqualTo(DNR | 0x13);
        assertThat(status(Command.createCompletion(pair, 1, 3))).isZero();
        assertThat(status(Command.createCompletion(pair, 1, 3))).isEqualTo(DNR | 0x101);
    }

    @Test
    void submissionQueuesNeedTheirCompletionQueue() {
        Guest.Pair pair = guest.new Pair(1, 16, 16);
        assertThat(status(Command.createSubmission(pair, 1))).isEqualTo(DNR | 0x100);
        assertThat(status(Command.createSubmission(pair, 0))).isEqualTo(DNR | 0x101);
        assertThat(status(Command.createCompletion(pair, 1, 3))).isZero();
        assertThat(status(Command.createSubmission(pair, 1))).isZero();
        assertThat(status(Command.createSubmission(pair, 1))).isEqualTo(DNR | 0x101);
    }

    @Test
    void queuesAreDeletedInOrder() {
        guest.pair(1, 16);
        assertThat(status(Command.deleteCompletion(1))).isEqualTo(DNR | 0x10c);
        assertThat(status(Command.deleteSubmission(2))).isEqualTo(DNR | 0x101);
        assertThat(status(Command.deleteSubmission(1))).isZero();
        assertThat(status(Command.deleteSubmission(1))).isEqualTo(DNR | 0x101);
        assertThat(status(Command.deleteCompletion(1))).isZero();
        assertThat(status(Command.deleteCompletion(0))).isEqualTo(DNR | 0x101);
        guest.pair(1, 32); // the id is free again
    }

    @Test
    void aSubmissionQueueIsDeletedOnceItsCommandsAreDone() {
        Guest.Pair pair = guest.pair(1, 16);
        namespace.held = true;
        long page = guest.allocate(4096);
        pair.put(Command.read(0, 1, page, 0).commandId(77));
        pair.ring();
        guest.settle();
        guest.admin.put(Command.deleteSubmission(1).commandId(99));
        guest.admin.ring();
        guest.settle();
        assertThat(guest.admin.peek()).isNull();
        namespace.held = false;
        guest.settle();
        assertThat(pair.take()).extracting(Guest.Completion::commandId).isEqualTo(77);
        assertThat(guest.admin.take()).extracting(Guest.Completion::commandId).isEqualTo(99);
    }

    @Test
    void aQueueWhoseDeletionFailsGoesOn() {
        Guest.Pair pair = guest.pair(1, 16);
        assertThat(status(Command.deleteSubmission(1).or(0, 1 << 8))).isEqualTo(DNR | 0x02);
        long page = guest.allocate(4096);
        Guest.expectSuccess(guest.run(pair, Command.read(0, 1, page, 0)));
    }

    @Test
    void aResetTakesBackWhatWasAnnounced() {
        var live = new LiveState(guest.function.live());
        live.announce(1, 1, 0, LiveState.NO_TAG, 0); // a process was killed here
        guest.enable();
        assertThat(live.announcedQueue()).isEqualTo(-1);
    }

    @Test
    void thirtyTwoQueuesAreGranted() {
        assertThat(guest.admin(Command.setFeature(7, 0)).dword()).isEqualTo(0x001f_001f);
        assertThat(guest.admin(Command.setFeature(7, 0xfffe_fffe)).dword()).isEqualTo(0x001f_001f);
        assertThat(status(Command.setFeature(7, 0xffff))).isEqualTo(DNR | 0x02);
        assertThat(guest.admin(Command.getFeature(7)).dword()).isEqualTo(0x001f_001f);
        guest.pair(1, 16);
        assertThat(status(Command.setFeature(7, 0))).isEqualTo(DNR | 0x0c);
    }

    @Test
    void featuresKeepTheirValuesUntilAReset() {
        assertThat(status(Command.setFeature(6, 0))).isZero();
        assertThat(guest.admin(Command.getFeature(6)).dword()).isZero();
        assertThat(status(Command.setFeature(9, 3 | 1 << 16))).isZero();
        assertThat(guest.admin(Command.getFeature(9).dword(11, 3)).dword()).isEqualTo(3 | 1 << 16);
        assertThat(status(Command.setFeature(9, 33))).isEqualTo(DNR | 0x02);
        assertThat(status(Command.setFeature(6, 0).or(10, 1 << 31))).isEqualTo(DNR | 0x10d);
        assertThat(status(Command.setFeature(0x0c, 0))).isEqualTo(DNR | 0x02);
        assertThat(status(Command.getFeature(0x80))).isEqualTo(DNR | 0x02);
        assertThat(status(Command.getFeature(6).or(10, 1 << 8))).isEqualTo(DNR | 0x02);
        guest.enable();
        assertThat(guest.admin(Command.getFeature(6)).dword()).isEqualTo(1);
    }

    @Test
    void oneEventRequestIsHeld() {
        guest.admin.put(Command.eventRequest().commandId(500));
        guest.admin.ring();
        guest.settle();
        assertThat(guest.admin.peek()).isNull();
        assertThat(status(Command.eventRequest())).isEqualTo(DNR | 0x105);
    }

    @Test
    void outOfServiceItTellsOnceAndNoResetHelps() {
        guest.admin.put(Command.eventRequest().commandId(500));
        guest.admin.ring();
        guest.settle();
        guest.function.outOfService = true; // as the next process finds it
        guest.controller.attach(guest.function, true);
        guest.controller.outOfService("a test");
        guest.settle();
        Guest.Completion event = Objects.requireNonNull(guest.admin.take());
        assertThat(event.commandId()).isEqualTo(500);
        assertThat(event.dword()).as("persistent internal error").isEqualTo(0x0001_0300);
        assertThat(guest.read32(0x1c)).as("RDY, CFS").isEqualTo(3);
        for (int resets = 0; resets < 3; resets++) {
            guest.enable();
            assertThat(guest.read32(0x1c)).as("CFS").isEqualTo(2);
        }
        guest.function.outOfService = false;
        guest.enable();
        assertThat(guest.read32(0x1c)).isEqualTo(1);
    }

    @Test
    void aResizeIsOneEventUntilItsLogIsRead() {
        assertThat(status(Command.setFeature(0x0b, 1 << 8))).isZero();
        guest.admin.put(Command.eventRequest().commandId(500));
        guest.admin.ring();
        guest.settle();
        namespace.sizeBytes = 512 << 10;
        guest.settle();
        Guest.Completion event = Objects.requireNonNull(guest.admin.take());
        assertThat(event.commandId()).isEqualTo(500);
        assertThat(event.dword()).isEqualTo(0x0004_0002); // log 4, namespace attribute changed
        long page = guest.allocate(4096);
        assertThat(status(Command.log(4, -1, 1024, 0, page))).isZero();
        assertThat(guest.ram(page, 4096).get(LE32, 0)).isEqualTo(1);
        assertThat(status(Command.identify(0, 1, page))).isZero();
        assertThat(guest.ram(page, 4096).get(LE64, 0)).isEqualTo(1024);
    }

    @Test
    void anAbortComesTooLate() {
        assertThat(guest.admin(new Command(8).dword(10, 1 | 7 << 16)).dword()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"0x03", "0x0d", "0x10", "0x14", "0x80", "0x81", "0xc0", "0xff"})
    void anUnknownOpcodeIsRefused(int opcode) {
        assertThat(status(new Command(opcode))).isEqualTo(DNR | 0x01);
    }

    @Test
    void fusedCommandsAreRefused() {
        assertThat(status(Command.getFeature(7).or(0, 1 << 8))).isEqualTo(DNR | 0x02);
    }

    @Test
    void logPagesEndWhereTheyEnd() {
        long page = guest.allocate(8192);
        guest.ram(page, 8192).fill((byte) 0xee);
        assertThat(status(Command.log(0xd0, 1, 2048, 0, page).prp(page, page + 4096))).isZero();
        assertThat(guest.ram(page, 8192).get(LE32, 0)).isEqualTo(0x3c23_b510);
        MemorySegment after = guest.ram(page + 4096, 4096);
        assertThat(after.toArray(JAVA_BYTE)).containsOnly(0xee); // the canary of ebsnvme
        assertThat(status(Command.log(0x77, 1, 1, 0, page))).isEqualTo(DNR | 0x109);
        assertThat(status(Command.log(2, 5, 1, 0, page))).isEqualTo(DNR | 0x0b);
        assertThat(status(Command.log(2, -1, 1, 512, page))).isEqualTo(DNR | 0x02);
        assertThat(status(Command.log(2, -1, 1, 2, page))).isEqualTo(DNR | 0x02);
        assertThat(status(Command.log(2, -1, 1, 1L << 63, page))).isEqualTo(DNR | 0x02);
        assertThat(status(Command.log(1, -1, 16, 0, page))).isZero();
        assertThat(status(Command.log(3, -1, 128, 0, page))).isZero();
        assertThat(guest.ram(page, 16).get(JAVA_BYTE, 8)).isEqualTo((byte) '1');
    }

    @Test
    void statisticsCountWhatWasDone() {
        Guest.Pair pair = guest.pair(1, 16);
        long data = guest.allocate(8192);
        Guest.expectSuccess(guest.run(pair, Command.write(0, 16, data, data + 4096)));
        Guest.expectSuccess(guest.run(pair, Command.read(0, 8, data, 0)));
        Guest.expectSuccess(guest.run(pair, Command.read(0, 8, data, 0)));
        long page = guest.allocate(4096);
        assertThat(status(Command.log(0xd0, 1, 1024, 0, page))).isZero();
        MemorySegment log = guest.ram(page, 4096);
        // Layout as amazon-ec2-utils reads it: operations at 8 and 16, bytes at 24 and 32.
        assertThat(log.get(LE64, 8)).isEqualTo(2);
        assertThat(log.get(LE64, 16)).isEqualTo(1);
        assertThat(log.get(LE64, 24)).isEqualTo(8192);
        assertThat(log.get(LE64, 32)).isEqualTo(8192);
    }

    @Test
    void doorbellBuffersAreCheckedThenUsed() {
        long page = guest.allocate(8192);
        assertThat(status(new Command(0x7c).prp(page, page))).isEqualTo(DNR | 0x02);
        assertThat(status(new Command(0x7c).prp(page + 4, page + 4096))).isEqualTo(DNR | 0x02);
        assertThat(status(new Command(0x7c).prp(page, 1L << 40))).isEqualTo(DNR | 0x02);
        Guest.Pair pair = guest.pair(1, 16);
        Guest.expectSuccess(guest.configureShadow());
        Guest.expectSuccess(guest.configureShadow()); // twice is allowed
        pair.shadowed = true;
        long data = guest.allocate(4096);
        for (int i = 0; i < 100; i++) {
            Guest.expectSuccess(guest.run(pair, Command.read(i % 8, 8, data, 0)));
        }
        guest.enable(); // and after a reset doorbells are registers again
        pair = guest.pair(1, 16);
        Guest.expectSuccess(guest.run(pair, Command.read(0, 8, data, 0)));
    }
}
