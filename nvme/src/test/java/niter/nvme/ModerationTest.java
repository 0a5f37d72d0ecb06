package niter.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

/** Interrupt moderation, by a clock that only the test moves. */
class ModerationTest {
    private static final long START = Long.MAX_VALUE - 1_000; // the clock wraps during these tests

    private final MemoryNamespace namespace =
            new MemoryNamespace(Arena.ofAuto().allocate(1 << 20), null);
    private final FakeFunction function = new FakeFunction(4 << 20);
    private long now = START;
    private final Guest guest =
            new Guest(
                    function,
                    new NvmeController(
                            Guest.identity(),
                            namespace,
                            NvmeOptions.NONE,
                            () -> now,
                            LiveState::new));

    private void submit(Guest.Pair pair, int commands) {
        for (int n = 0; n < commands; n++) {
            pair.put(Command.flush().commandId(guest.nextCommandId()));
        }
        pair.ring();
        guest.settle();
    }

    private static int takeAll(Guest.Pair pair) {
        int taken = 0;
        while (pair.take() != null) {
            taken++;
        }
        return taken;
    }

    /**
     * Brings a queue to where its next completion is held back: the guest shows that it is idle.
     */
    private void upToTheProbe(Guest.Pair pair) {
        for (int n = 1; n < Moderation.PROBE_EVERY; n++) {
            int before = function.interrupts[pair.id];
            submit(pair, 1);
            assertThat(function.interrupts[pair.id]).isEqualTo(before + 1);
            assertThat(guest.controller.nextDeadlineNanos()).isEqualTo(Long.MAX_VALUE);
            takeAll(pair);
        }
    }

    @Test
    void aGuestThatWaitsIsInterruptedAtOnceExceptForAProbe() {
        guest.enable();
        Guest.Pair pair = guest.pair(1, 64);
        for (int round = 0; round < 3; round++) {
            upToTheProbe(pair);
            int before = function.interrupts[1];
            submit(pair, 1);
            assertThat(pair.peek()).isNotNull(); // posted, for a guest that polls
            assertThat(function.interrupts[1]).isEqualTo(before);
            assertThat(guest.controller.nextDeadlineNanos()).isEqualTo(30_000);
            now += 29_999;
            guest.settle();
            assertThat(function.interrupts[1]).isEqualTo(before);
            assertThat(guest.controller.nextDeadlineNanos()).isEqualTo(1);
            now += 1;
            guest.settle();
            assertThat(function.interrupts[1]).isEqualTo(before + 1);
            assertThat(guest.controller.nextDeadlineNanos()).isEqualTo(Long.MAX_VALUE);
            takeAll(pair);
        }
    }

    @Test
    void aBusyGuestGetsEightCompletionsAnInterruptUntilItPauses() {
        guest.enable();
        Guest.Pair pair = guest.pair(1, 64);
        upToTheProbe(pair);
        int before = function.interrupts[1];
        for (int n = 0; n < 60; n++) {
            submit(pair, 1);
            now += 1_000;
        }
        assertThat(function.interrupts[1] - before).isEqualTo(60 / 8);
        assertThat(takeAll(pair)).isEqualTo(60);
        now += 30_000;
        guest.settle(); // silence: the last ones are told and nothing is held back any more
        before = function.interrupts[1];
        submit(pair, 1);
        now += 30_000;
        guest.settle();
        assertThat(function.interrupts[1]).isEqualTo(before + 1);
    }

    @Test
    void aCompletionIsHeldForThisLongAtMost() {
        guest.enable();
        Guest.Pair pair = guest.pair(1, 64);
        upToTheProbe(pair);
        int before = function.interrupts[1];
        for (int n = 0; n < 6; n++) { // fewer than are gathered, each before the silence ends
            submit(pair, 1);
            assertThat(function.interrupts[1]).isEqualTo(before);
            now += n == 5 ? 0 : 29_000;
        }
        assertThat(guest.controller.nextDeadlineNanos()).isEqualTo(150_000 - 5 * 29_000);
        now += 150_000 - 5 * 29_000;
        guest.settle();
        assertThat(function.interrupts[1]).isEqualTo(before + 1);
    }

    @Test
    void queuesAreModeratedEachByItsOwnTraffic() {
        guest.enable();
        Guest.Pair busy = guest.pair(1, 64);
        Guest.Pair waiting = guest.pair(2, 64);
        upToTheProbe(busy);
        submit(busy, 4);
        int before = function.interrupts[1];
        for (int n = 1; n < Moderation.PROBE_EVERY; n++) {
            submit(waiting, 1);
            takeAll(waiting);
            assertThat(function.interrupts[2]).isEqualTo(n);
        }
        assertThat(function.interrupts[1]).isEqualTo(before);
        assertThat(guest.controller.nextDeadlineNanos()).isEqualTo(30_000);
    }

    @Test
    void adminCompletionsAreNeverHeldBack() {
        guest.enable();
        int before = function.interrupts[0];
        for (int n = 0; n < 3 * Moderation.PROBE_EVERY; n++) {
            Guest.expectSuccess(guest.admin(Command.getFeature(7)));
        }
        assertThat(function.interrupts[0] - before).isEqualTo(3 * Moderation.PROBE_EVERY);
    }

    @Test
    void aShutdownHoldsNothingBack() {
        guest.enable();
        Guest.Pair pair = guest.pair(1, 64);
        upToTheProbe(pair);
        int before = function.interrupts[1];
        submit(pair, 3);
        guest.write32(Register.CC.offset, Guest.CC_ENABLE | 1 << 14);
        guest.settle();
        guest.settle(); // once more: the flush is finished
        assertThat(guest.read32(Register.CSTS.offset)).isEqualTo(9);
        assertThat(function.interrupts[1]).isEqualTo(before + 1);
        assertThat(guest.controller.nextDeadlineNanos()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void nobodyIsWokenForAnInterruptThatCannotBeSent() {
        guest.enable();
        Guest.Pair pair = guest.pair(1, 64);
        upToTheProbe(pair);
        int before = function.interrupts[1];
        submit(pair, 1);
        function.busMaster(guest.controller, false);
        guest.settle();
        assertThat(guest.controller.nextDeadlineNanos()).isEqualTo(Long.MAX_VALUE);
        function.busMaster(guest.controller, true);
        now += 30_000;
        guest.settle();
        assertThat(function.interrupts[1]).isEqualTo(before + 1);
    }

    /** As a queue: whatever a guest does, no completion is late and none is forgotten. */
    @RepeatedTest(200)
    void noCompletionIsHeldTooLong(RepetitionInfo repetition) {
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        Moderation moderation = new Moderation();
        int unsignalled = 0;
        long oldest = 0;
        for (int n = 0; n < 5_000; n++) {
            now += random.nextInt(random.nextInt(4) == 0 ? 60_000 : 2_000);
            if (moderation.holding() && now - moderation.deadlineNanos() > 0) {
                now = moderation.deadlineNanos(); // the function wakes up by then
            }
            if (random.nextBoolean()) {
                moderation.submitted(now);
            }
            int posted = random.nextInt(3);
            oldest = unsignalled == 0 ? now : oldest;
            unsignalled += posted;
            if (unsignalled > 0 && moderation.due(unsignalled, random.nextInt(4), now)) {
                assertThat(unsignalled).isLessThan(Moderation.GATHER + 2);
                unsignalled = 0;
            } else if (unsignalled > 0) {
                assertThat(moderation.holding()).isTrue();
                assertThat(now - oldest).isLessThan(Moderation.HOLD_NANOS);
                assertThat(moderation.deadlineNanos() - now).isPositive();
            }
        }
    }
}
