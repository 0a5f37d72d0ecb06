package niter.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

/** Rings of every size over many wraps: order, head, phase, and never more than there is room. */
class RingPropertyTest {
    @RepeatedTest(60)
    void completionsComeInOrderAndOnce(RepetitionInfo repetition) {
        int seed = repetition.getCurrentRepetition();
        SplittableRandom random = new SplittableRandom(seed);
        MemoryNamespace namespace = new MemoryNamespace(Arena.ofAuto().allocate(1 << 16), null);
        Guest guest = Guest.over(namespace);
        guest.enable();
        int submissions = seed == 1 ? 2 : 2 + random.nextInt(40);
        int completions = seed == 2 ? 2 : 2 + random.nextInt(40);
        Guest.Pair pair = guest.pair(1, submissions, completions);
        pair.shadowed = random.nextBoolean();
        if (pair.shadowed) {
            Guest.expectSuccess(guest.configureShadow());
        }
        ArrayDeque<Integer> expected = new ArrayDeque<>();
        int head = 0;
        int done = 0;
        while (done < 20 * completions) {
            int room = (head - pair.tail - 1 + submissions) % submissions;
            for (int n = random.nextInt(room + 1); n > 0; n--) {
                int id = guest.nextCommandId();
                pair.put(Command.flush().commandId(id));
                expected.add(id);
            }
            pair.ring();
            guest.settle();
            for (int n = 1 + random.nextInt(completions); n > 0; n--) {
                Guest.Completion completion = pair.take();
                if (completion == null) {
                    break;
                }
                assertThat(completion.commandId()).isEqualTo(expected.remove());
                assertThat(completion.queue()).isEqualTo(1);
                assertThat(completion.status()).isZero();
                head = completion.head();
                done++;
            }
        }
        while (!expected.isEmpty()) {
            guest.settle();
            Guest.Completion completion = Objects.requireNonNull(pair.take());
            assertThat(completion.commandId()).isEqualTo(expected.remove());
        }
        assertThat(pair.peek()).isNull();
        assertThat(guest.function.errors).isEmpty();
    }
}
