package niter.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Processes that end between any two stores while the guest does everything that a guest may:
 * queues come and go, the controller is reset and shut down, bus mastering and ring memory go away
 * for a while, doorbells are in registers or in memory, the volume changes its size.
 */
class LifeReplayTest {
    @RepeatedTest(250)
    void aGuestNeverLearnsThatProcessesEnd(RepetitionInfo repetition) {
        MortalGuest guest = new MortalGuest(repetition.getCurrentRepetition(), true);
        guest.live(120);
    }

    /** A write that was being entered got the status that an earlier queue's command had left. */
    @Test
    void aStatusOfAnEarlierLifeIsNobodyElses() {
        new MortalGuest(1520, true).live(120);
    }

    /** Shows that the simulated guest itself is right. */
    @RepeatedTest(50)
    void norWouldItIfTheyDidNot(RepetitionInfo repetition) {
        MortalGuest guest = new MortalGuest(repetition.getCurrentRepetition(), false);
        guest.live(120);
        assertThat(guest.kills()).isZero();
    }

    @Test
    void processesDoEndInTheseRunsAndEverythingHappens() {
        MortalGuest guest = new MortalGuest(7, true);
        guest.live(2_000);
        assertThat(guest.kills()).isGreaterThan(200);
        assertThat(guest.done).hasSameSizeAs(MortalGuest.Deed.values());
    }

    @Test
    @Tag("long")
    void norInManyMoreLives() {
        for (int seed = 0; seed < 20_000; seed++) {
            MortalGuest guest = new MortalGuest(seed, true);
            guest.live(200);
        }
    }
}
