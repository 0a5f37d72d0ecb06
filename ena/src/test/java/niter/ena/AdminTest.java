package niter.ena;

import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;
import static niter.ena.Limits.LE64;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Registers, reset, admin queue and events, in the order of the contract's check list. */
class AdminTest {
    private final Driver driver = Driver.fresh();

    private long readless(int offset, int id) {
        long where = driver.allocate(8);
        driver.write(0x60, (int) where);
        driver.write(0x64, 0);
        driver.at(where, 8).set(LE64, 0, 0xdead + id);
        driver.write(0x5c, offset << 16 | id);
        return driver.at(where, 8).get(LE64, 0);
    }

    @Test
    void directAndReadlessReadsAgree() {
        assertThat(driver.read(0x04) & 0xffffff).isGreaterThanOrEqualTo(1);
        assertThat(driver.read(0x08) >>> 1 & 0x1f).as("reset time-out").isPositive();
        assertThat(driver.read(0x08) >>> 8 & 0xff).isBetween(32, 48);
        assertThat(driver.read(0x58) & 1).as("ready before the first reset").isEqualTo(1);
        int id = 0xfffe;
        for (int offset : new int[] {0x00, 0x04, 0x08, 0x58, 0x00}) {
            long answer = readless(offset, id);
            assertThat(answer & 0xffff).isEqualTo(id);
            assertThat(answer >>> 16 & 0xffff).isEqualTo(offset);
            assertThat((int) (answer >>> 32)).isEqualTo(driver.read(offset));
            id = id + 1 & 0xffff;
        }
    }

    @Test
    void neverAnswersToAddressZeroOrWhatIsNotGranted() {
        driver.write(0x60, 0);
        driver.write(0x64, 0);
        driver.write(0x5c, 1);
        driver.write(0x60, 0x10);
        driver.write(0x5c, 1);
        assertThat(driver.read(0x58)).isEqualTo(1);
    }

    @Test
    void resetHoldsUntilItIsTakenBack() {
        driver.probe();
        driver.transmit(256, 1);
        driver.write(0x54, 1 | 3 << 28);
        driver.poll();
        assertThat(driver.read(0x58)).isEqualTo(8);
        assertThat(readless(0x58, 1) >>> 32).as("address given while in reset").isEqualTo(8);
        driver.write(0x54, 0);
        assertThat(driver.read(0x58)).isEqualTo(1 | 1 << 4);
        int before = driver.answered;
        driver.write(0x2c, 99);
        driver.poll();
        assertThat(driver.answered).as("rings are forgotten").isEqualTo(before);
        driver.probe();
        assertThat(driver.transmit(256, 1).index).as("queues are forgotten").isZero();
    }

    /** Each is a protocol's end for this function, and no more. */
    @Test
    void aRingThatMovesAfterItsSizeWasTakenIsRefused() {
        for (int base : new int[] {0x10, 0x20}) { // of the admin queue and its answers
            Driver one = Driver.fresh();
            one.probe();
            one.write(base, 1); // the other half stays
            one.command(8);
            one.write(0x2c, 1);
            one.poll();
            assertThat(one.function.errors).singleElement().asString().contains("aligned to 8");
            assertThat(one.read(0x58) & 0x20).as("fatal").isNotZero();
        }
    }

    @Test
    void ringsWrapManyTimes() {
        driver.probe();
        for (int i = 0; i < 66_000; i++) {
            MemorySegment answer = driver.getFeature(20);
            assertThat(Driver.status(answer)).isZero();
            assertThat(answer.get(LE16, 8)).isEqualTo((short) 1);
        }
    }

    @Test
    void whatItDoesNotKnowKeepsTheQueueAlive() {
        driver.probe();
        driver.command(5);
        assertThat(Driver.status(driver.submit())).isEqualTo(2);
        for (int feature : new int[] {0, 4, 8, 29, 30, 31, 255}) {
            assertThat(Driver.status(driver.getFeature(feature))).isEqualTo(3);
        }
        assertThat(Driver.status(driver.getFeature(1))).isZero();
    }

    @Test
    void theManagementVectorCanBeMasked() {
        driver.probe();
        driver.write(0x4c, 1);
        int before = driver.function.interrupts[0];
        driver.getFeature(1);
        assertThat(driver.function.interrupts[0]).isEqualTo(before);
        driver.write(0x4c, 0);
        driver.poll();
        assertThat(driver.function.interrupts[0]).isEqualTo(before + 1);
    }

    @Test
    void describesItself() {
        driver.probe();
        MemorySegment attributes = driver.getFeature(1);
        assertThat(attributes.get(LE32, 16)).isEqualTo(0x1c14_5c8e);
        byte[] mac = attributes.asSlice(32, 6).toArray(ValueLayout.JAVA_BYTE);
        assertThat(mac).containsExactly(0x0e, 1, 2, 3, 4, 5);
        assertThat(attributes.get(LE32, 40)).isEqualTo(9216);
        MemorySegment queues = driver.getFeature(7);
        assertThat(queues.get(ValueLayout.JAVA_BYTE, 8)).isEqualTo((byte) 1);
        assertThat(queues.get(LE32, 12)).isEqualTo(8);
        assertThat(queues.get(LE32, 28)).isEqualTo(1024);
        assertThat(queues.get(LE32, 44)).isBetween(1, 255);
        assertThat(queues.get(LE16, 48)).isGreaterThanOrEqualTo((short) 19);
        assertThat(driver.getFeature(26).get(LE32, 8) & 0x1f).isEqualTo(0x1f);
        MemorySegment hints = driver.getFeature(3);
        for (int watchdog : new int[] {10, 12, 18}) { // 0xffff would turn it off
            assertThat(hints.get(LE16, watchdog)).isEqualTo((short) Features.PATIENCE_MILLIS);
        }
    }

    @Test
    void pairsComeAndGoWithoutALeak() {
        driver.probe();
        long before = driver.allocate(0);
        for (int round = 0; round < 1000; round++) {
            Driver.Ring transmit = driver.transmit(32, 1);
            Driver.Ring receive = driver.receive(32, 1);
            assertThat(transmit.index).isZero();
            assertThat(receive.index).isZero();
            assertThat(transmit.destroy()).isZero();
            assertThat(receive.destroy()).isZero();
        }
        assertThat(driver.allocate(0)).isGreaterThan(before);
    }

    @Test
    void refusesQueuesThatMakeNoSense() {
        driver.probe();
        assertThat(completion(3, 64, 1, driver.allocate(1024))).as("entry of 12").isEqualTo(5);
        assertThat(completion(2, 64, 9, driver.allocate(1024))).as("vector 9 of 9").isEqualTo(5);
        assertThat(completion(2, 63, 1, driver.allocate(1024))).as("no power of two").isEqualTo(5);
        assertThat(completion(2, 2048, 1, driver.allocate(16384))).as("too deep").isEqualTo(5);
        assertThat(completion(2, 64, 1, 0x10)).as("not granted").isEqualTo(5);
        assertThat(completion(2, 64, 1, driver.allocate(1024) + 4)).as("odd").isEqualTo(5);
        assertThat(completion(2, 64, -1, driver.allocate(1024))).as("polled").isZero();
        assertThat(completion(4, 64, 1, driver.allocate(1024))).isZero();
        assertThat(completion(8, 64, 1, driver.allocate(2048))).isZero();
        MemorySegment submission = driver.command(1);
        submission.set(ValueLayout.JAVA_BYTE, 4, (byte) 0x40);
        submission.set(ValueLayout.JAVA_BYTE, 6, (byte) 1);
        submission.set(LE16, 8, (short) 7);
        submission.set(LE16, 10, (short) 64);
        submission.set(LE64, 12, driver.allocate(1024));
        assertThat(Driver.status(driver.submit())).as("no such completion queue").isEqualTo(5);
    }

    private int completion(int words, int depth, int vector, long base) {
        MemorySegment create = driver.command(3);
        create.set(ValueLayout.JAVA_BYTE, 5, (byte) words);
        create.set(LE16, 6, (short) depth);
        create.set(LE32, 8, vector);
        create.set(LE64, 12, base);
        return Driver.status(driver.submit());
    }

    @Test
    void statisticsAnswer() {
        driver.probe();
        exceed(Allowance.LINK_LOCAL, 5);
        exceed(Allowance.CONNTRACK, 4);
        assertThat(linkLocalExceeded()).isEqualTo(5);
        MemorySegment ask = driver.command(11);
        ask.set(ValueLayout.JAVA_BYTE, 16, (byte) 4);
        ask.set(LE64, 24, 0x3f);
        assertThat(driver.submit().get(LE64, 8)).isEqualTo(0x3f);
        long buffer = driver.allocate(512);
        ask = driver.command(11);
        ask.set(LE32, 4, 512);
        ask.set(LE64, 8, buffer);
        ask.set(ValueLayout.JAVA_BYTE, 16, (byte) 4);
        ask.set(LE64, 24, 0x28);
        assertThat(driver.submit().get(LE64, 8)).isEqualTo(0x28);
        assertThat(driver.at(buffer, 8).get(LE64, 0)).as("conntrack").isEqualTo(4);
        assertThat(driver.at(buffer + 8, 8).get(LE64, 0)).as("available").isEqualTo(6);
        driver.command(11).set(ValueLayout.JAVA_BYTE, 16, (byte) 3);
        assertThat(Driver.status(driver.submit())).isEqualTo(3);
    }

    private void exceed(Allowance allowance, int packets) {
        for (int i = 0; i < packets; i++) {
            driver.device.exceeded(allowance);
        }
    }

    private long linkLocalExceeded() {
        driver.command(11).set(ValueLayout.JAVA_BYTE, 16, (byte) 2);
        return driver.submit().get(LE64, 40);
    }

    /** They count since the interface was made. */
    @Test
    void neitherAKillNorAResetForgetsWhatExceededAnAllowance() {
        driver.probe();
        exceed(Allowance.LINK_LOCAL, 5);
        driver.device = driver.create(LiveState::new);
        driver.device.attach(driver.function, true);
        exceed(Allowance.LINK_LOCAL, 1);
        assertThat(linkLocalExceeded()).as("after a kill").isEqualTo(6);
        driver.probe();
        assertThat(linkLocalExceeded()).as("after a reset").isEqualTo(6);
        driver.device.close();
        exceed(Allowance.LINK_LOCAL, 1); // of a neighbour's packet: its memory is gone
        driver.device.attach(driver.function, true);
        assertThat(linkLocalExceeded()).as("after the end").isEqualTo(6);
    }

    // ---- events

    private static int group(@Nullable MemorySegment event) {
        return Objects.requireNonNull(event).get(LE16, 0);
    }

    /** The first data word. */
    private static int flags(@Nullable MemorySegment event) {
        return Objects.requireNonNull(event).get(LE32, 16);
    }

    @Test
    void linkComesUpAfterEachReset() {
        for (int life = 0; life < 3; life++) {
            driver.probe();
            driver.poll();
            assertThat(driver.event()).as("nothing before it is listened to").isNull();
            driver.listen();
            @Nullable MemorySegment event = driver.event();
            assertThat(group(event)).isZero();
            assertThat(flags(event)).isEqualTo(1);
        }
        driver.event();
        driver.device.link(false);
        driver.poll();
        @Nullable MemorySegment down = driver.event();
        assertThat(group(down)).isZero();
        assertThat(flags(down)).isZero();
    }

    @Test
    void outOfServiceTheLinkGoesDownAndNoResetHelps() {
        driver.probe();
        driver.listen();
        driver.event();
        driver.event(); // a keep-alive
        driver.function.outOfService = true; // as the next process finds it
        driver.device.attach(driver.function, true);
        driver.poll();
        @Nullable MemorySegment down = driver.event();
        assertThat(group(down)).isZero();
        assertThat(flags(down)).isZero();
        assertThat(driver.read(0x58) & 0x20).as("fatal").isEqualTo(0x20);
        driver.write(0x54, 1); // reset begins
        driver.write(0x54, 0);
        assertThat(driver.read(0x58) & 0x20).as("fatal after a reset").isEqualTo(0x20);
    }

    @Test
    void keepAlivesComeOnceASecondAndWaitForRoom() {
        driver.probe();
        driver.listen();
        driver.event();
        assertThat(group(driver.event())).isEqualTo(4);
        for (int second = 0; second < 100; second++) {
            driver.nanos += 1_000_000_000L;
            driver.poll();
            assertThat(group(driver.event())).isEqualTo(4);
            assertThat(driver.event()).isNull();
            driver.write(0x40, driver.eventsSeen + Driver.EVENT_DEPTH & 0xffff);
        }
        for (int second = 0; second < 40; second++) {
            driver.nanos += 1_000_000_000L;
            driver.poll();
        }
        int stalled = 0;
        while (stalled < Driver.EVENT_DEPTH && driver.event() != null) {
            stalled++;
        }
        assertThat(stalled).as("no overrun while nobody reads").isEqualTo(Driver.EVENT_DEPTH);
    }

    @Test
    void aGroupThatIsOffIsNotSent() {
        driver.probe();
        assertThat(driver.setGroups(1)).isZero();
        driver.write(0x40, 16);
        driver.nanos += 5_000_000_000L;
        driver.poll();
        assertThat(group(driver.event())).isZero();
        assertThat(driver.event()).isNull();
        assertThat(driver.setGroups(1 << 5)).as("not supported").isEqualTo(5);
    }

    @Test
    void asksForAReset() {
        driver.probe();
        assertThat(driver.setGroups(0x91)).isZero();
        driver.write(0x40, 16);
        driver.poll();
        driver.event();
        driver.event();
        driver.device.requestReset();
        driver.nanos += 10_000_000_000L;
        driver.poll();
        assertThat(group(driver.event())).isEqualTo(7);
        assertThat(driver.event()).as("no keep-alives meanwhile").isNull();
        driver.probe();
        driver.listen();
        driver.event();
        assertThat(group(driver.event())).as("and again after the reset").isEqualTo(4);
    }
}
