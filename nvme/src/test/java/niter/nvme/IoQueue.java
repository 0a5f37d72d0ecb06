package niter.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** A queue pair and its commands. As a driver does, it looks when it was interrupted. */
final class IoQueue {
    final Guest.Pair pair;

    private final Map<Integer, Blocks.Issued> issued = new HashMap<>();
    private int seen;
    private int submissionHead;

    IoQueue(Guest.Pair pair, FakeFunction function) {
        this.pair = pair;
        seen = function.interrupts[pair.id];
    }

    boolean isIdle() {
        return issued.isEmpty();
    }

    /** One command, where there is room; its doorbell is the caller's. */
    void submit(SplittableRandom random, Blocks blocks) {
        int used = (pair.tail - submissionHead + pair.submissionSize) % pair.submissionSize;
        int room = Math.min(pair.submissionSize, pair.completionSize) - 1;
        if (used == pair.submissionSize - 1 || issued.size() >= room) {
            return;
        }
        Blocks.Issued command = blocks.begin(random);
        if (command == null) {
            return;
        }
        int id = random.nextInt(1 << 16);
        while (issued.containsKey(id)) {
            id = random.nextInt(1 << 16);
        }
        pair.put(blocks.command(command).commandId(id));
        issued.put(id, command);
    }

    /** As an interrupt handler. */
    void complete(FakeFunction function, Blocks blocks) {
        if (function.interrupts[pair.id] != seen) {
            seen = function.interrupts[pair.id];
            takeAll(blocks);
        }
    }

    /** Takes all completions that there are. */
    void takeAll(Blocks blocks) {
        Guest.Completion completion = pair.take();
        while (completion != null) {
            submissionHead = completion.head();
            Blocks.Issued command = issued.remove(completion.commandId());
            if (command == null) {
                throw new AssertionError("completed twice: " + completion);
            }
            assertThat(completion.queue()).isEqualTo(pair.id);
            assertThat(completion.status()).isZero();
            blocks.completed(command);
            completion = pair.take();
        }
    }

    /** The controller never fetched what is left. */
    void forgetUntouched(Blocks blocks) {
        List<Blocks.Issued> left = new ArrayList<>(issued.values());
        issued.clear();
        left.forEach(blocks::untouched);
    }
}
