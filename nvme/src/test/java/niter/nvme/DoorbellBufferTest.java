package niter.nvme;

import static niter.nvme.SubmissionEntry.LE32;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Doorbells in guest memory: who wakes whom, and what a guest can do wrong there. */
@Timeout(60) // a controller that never finds rest is a failure
class DoorbellBufferTest {
    private final MemoryNamespace namespace =
            new MemoryNamespace(Arena.ofAuto().allocate(1 << 20), null);
    private final Guest guest = Guest.over(namespace);
    private Guest.Pair pair;

    @BeforeEach
    void configure() {
        guest.enable();
        pair = guest.pair(1, 8);
        Guest.expectSuccess(guest.configureShadow());
        pair.shadowed = true;
        guest.settle();
    }

    private void put(int commands) {
        for (int n = 0; n < commands; n++) {
            pair.put(Command.flush().commandId(guest.nextCommandId()));
        }
    }

    private void set(long page, int index, int value) {
        guest.ram(page, 4096).set(LE32, 4L * index, value);
    }

    private int get(long page, int index) {
        return guest.ram(page, 4096).get(LE32, 4L * index);
    }

    @Test
    void aSleepingControllerIsKickedAndABusyOneIsNot() {
        int before = guest.kicks;
        put(1);
        pair.ring();
        assertThat(guest.kicks).isEqualTo(before + 1);
        put(1);
        pair.ring(); // it has not looked yet: one kick is enough
        assertThat(guest.kicks).isEqualTo(before + 1);
        guest.settle();
        assertThat(namespace.flushes).isEqualTo(2);
        put(1);
        pair.ring();
        assertThat(guest.kicks).isEqualTo(before + 2);
    }

    @Test
    void aTailThatIsStoredBeforeTheControllerSleepsIsSeen() {
        put(1);
        set(guest.shadow, 2, pair.tail); // no kick: the guest read the event index before arm
        assertThat(guest.controller.arm()).isFalse();
        guest.settle();
        assertThat(namespace.flushes).isEqualTo(1);
        assertThat(get(guest.eventIndex, 2)).isEqualTo(pair.tail);
    }

    @Test
    void aFullCompletionQueueAsksForItsHead() {
        put(7);
        pair.ring();
        guest.settle();
        put(5); // no room for their completions
        pair.ring();
        guest.settle();
        assertThat(namespace.flushes).isEqualTo(7);
        assertThat(get(guest.eventIndex, 3)).isZero();
        int before = guest.kicks;
        pair.take();
        assertThat(guest.kicks).isEqualTo(before + 1);
        guest.settle();
        assertThat(namespace.flushes).isEqualTo(8);
    }

    @Test
    void aWriteToBarIsOnlyAKick() {
        put(1);
        guest.write32(Register.DOORBELLS + 8, pair.tail); // the buffer still says 0
        guest.settle();
        assertThat(namespace.flushes).isZero();
        guest.write32(Register.DOORBELLS + 8, 0xffff); // no matter
        set(guest.shadow, 2, pair.tail);
        guest.settle();
        assertThat(namespace.flushes).isEqualTo(1);
        assertThat(guest.read32(Register.CSTS.offset)).isEqualTo(1);
    }

    @Test
    void aSecondConfigurationGoesOnWhereTheFirstWas() {
        for (int n = 0; n < 11; n++) {
            Guest.expectSuccess(guest.run(pair, Command.flush()));
        }
        Guest.expectSuccess(guest.configureShadow());
        assertThat(get(guest.shadow, 2)).isEqualTo(pair.tail);
        assertThat(get(guest.shadow, 3)).isEqualTo(pair.head);
        Guest.expectSuccess(guest.run(pair, Command.flush()));
    }

    @Test
    void queuesMadeLaterBeginAtZero() {
        set(guest.shadow, 4, 5); // left by an earlier queue of this number
        set(guest.shadow, 5, 5);
        Guest.Pair second = guest.pair(2, 8);
        assertThat(get(guest.shadow, 4)).isZero();
        assertThat(get(guest.shadow, 5)).isZero();
        second.shadowed = true;
        Guest.expectSuccess(guest.run(second, Command.flush()));
    }

    @Test
    void afterAResetDoorbellsAreRegistersAgain() {
        guest.enable();
        long untouched = guest.shadow;
        guest.ram(untouched, 8192).fill((byte) 0x55);
        pair = guest.pair(1, 8);
        for (int n = 0; n < 20; n++) {
            Guest.expectSuccess(guest.run(pair, Command.flush()));
        }
        assertThat(get(untouched, 2)).isEqualTo(0x5555_5555);
        assertThat(get(guest.eventIndex, 2)).isEqualTo(0x5555_5555);
    }

    @Test
    void garbageForATailIsAFailureThatTheGuestIsTold() {
        assertGarbageIsAFailure(2, 8);
    }

    @Test
    void aNegativeTailIsAFailureToo() {
        assertGarbageIsAFailure(2, -1);
    }

    private void assertGarbageIsAFailure(int index, int value) {
        requestEvents();
        set(guest.shadow, index, value);
        guest.settle();
        assertFailed();
    }

    /** The head is looked at when room is missing, which may be just before sleep. */
    @Test
    void garbageForAHeadIsTold() {
        requestEvents();
        put(7);
        pair.ring();
        guest.settle();
        put(1);
        pair.ring();
        while (guest.controller.poll(64) > 0) {
            // until the completion queue is full
        }
        set(guest.shadow, 3, 1 << 20); // after the last look
        assertThat(guest.controller.arm()).isFalse(); // its event is to be delivered
        guest.settle();
        assertFailed();
    }

    private void requestEvents() {
        guest.admin.put(Command.eventRequest().commandId(0x700));
        guest.admin.ring();
        guest.settle();
    }

    private void assertFailed() {
        assertThat(guest.read32(Register.CSTS.offset)).isEqualTo(3);
        assertThat(guest.admin.take())
                .isEqualTo(new Guest.Completion(0, guest.admin.tail, 0x700, 0, 0x0001_0300));
        assertThat(guest.function.errors).hasSize(1);
        guest.enable();
        Guest.expectSuccess(guest.run(guest.pair(1, 8), Command.flush()));
    }

    @Test
    void withoutBusMasteringTheGuestsMemoryIsLeftAlone() {
        guest.function.busMaster(guest.controller, false);
        put(1);
        set(guest.shadow, 2, pair.tail);
        guest.ram(guest.eventIndex, 4096).fill((byte) 0x55);
        assertThat(guest.controller.poll(64)).isZero();
        assertThat(guest.controller.arm()).isTrue(); // rest, until the guest allows more
        assertThat(get(guest.eventIndex, 2)).isEqualTo(0x5555_5555);
        guest.function.busMaster(guest.controller, true);
        guest.settle();
        assertThat(pair.take()).isNotNull();
    }

    /** A controller that sleeps whenever it may, and polls when it is kicked, misses nothing. */
    @RepeatedTest(200)
    void nothingWaitsForAKickThatNeverComes(RepetitionInfo repetition) {
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        Guest.Pair other = guest.pair(2, 2 + random.nextInt(9), 2 + random.nextInt(9));
        other.shadowed = true;
        guest.settle();
        boolean awake = false;
        int submitted = 0;
        int seen = 0;
        int head = 0;
        while (seen < 200) {
            int kicks = guest.kicks;
            int room = (head - other.tail - 1 + other.submissionSize) % other.submissionSize;
            if (submitted < 200 && room > 0 && random.nextInt(3) != 0) {
                other.put(Command.flush().commandId(submitted++));
                other.ring();
            }
            if (random.nextBoolean()) {
                Guest.Completion completion = other.take();
                if (completion != null) {
                    assertThat(completion.commandId()).isEqualTo(seen++);
                    head = completion.head();
                }
            }
            awake |= guest.kicks != kicks;
            if (awake && random.nextBoolean()) {
                awake = guest.controller.poll(1 + random.nextInt(4)) > 0 || !guest.controller.arm();
            }
            if (!awake && other.peek() == null) {
                assertThat(other.tail).as("asleep with work to do").isEqualTo(head(other));
            }
        }
    }

    /** Where the controller is, as it asked to be woken from there. */
    private int head(Guest.Pair other) {
        return get(guest.eventIndex, 2 * other.id);
    }
}
