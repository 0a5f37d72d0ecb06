package niter.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Processes that end between any two stores, their successors too, under a guest that looks at a
 * completion queue only when it was interrupted. Each command completes once, with its data; none
 * waits for ever. Everything follows from a seed.
 */
class ReplayTest {
    private static final int SLOTS = 64; // commands at once, each with blocks of its own
    private static final int SLOT_BYTES = 8192;

    private record Issued(int slot, boolean write) {}

    /** One run of one seed. */
    private static final class Run {
        private final SplittableRandom random;
        private final MemoryNamespace namespace;
        private final FakeFunction function = new FakeFunction(4 << 20);
        private final MortalProcess process;
        private final Guest guest;
        private final Map<Integer, Issued> issued = new HashMap<>();
        private final MemorySegment model = Arena.ofAuto().allocate((long) SLOTS * SLOT_BYTES);
        private final long data;
        private Guest.Pair pair;
        private int seen;

        Run(long seed) {
            random = new SplittableRandom(seed);
            namespace =
                    new MemoryNamespace(Arena.ofAuto().allocate((long) SLOTS * SLOT_BYTES), random);
            process = new MortalProcess(random, function, namespace, NvmeOptions.NONE, 400);
            guest = process.guest;
            guest.enable();
            data = guest.allocate((long) SLOTS * SLOT_BYTES);
            pair = newPair();
        }

        private Guest.Pair newPair() {
            int entries = 4 + random.nextInt(60);
            return guest.pair(1, entries, Math.max(4, entries / (1 + random.nextInt(2))));
        }

        void go(int rounds) {
            process.beMortal();
            for (int round = 0; round < rounds; round++) {
                submit();
                process.survive(() -> guest.controller.poll(1 + random.nextInt(8)));
                if (random.nextInt(3) == 0) {
                    complete();
                }
                process.pass(random.nextInt(100_000));
            }
            finish();
        }

        private void submit() {
            for (int n = random.nextInt(4); n > 0; n--) {
                int slot = random.nextInt(SLOTS);
                boolean busy = issued.values().stream().anyMatch(one -> one.slot == slot);
                int used = (pair.tail - lastHead() + pair.submissionSize) % pair.submissionSize;
                if (busy || used == pair.submissionSize - 1 || issued.size() >= room()) {
                    continue;
                }
                boolean write = random.nextBoolean();
                long at = data + (long) slot * SLOT_BYTES;
                MemorySegment memory = guest.ram(at, SLOT_BYTES);
                long block = (long) slot * SLOT_BYTES / 512;
                memory.fill((byte) (write ? random.nextInt(256) : 0xee));
                int id = freeId();
                Command command =
                        write
                                ? Command.write(block, 16, at, at + 4096)
                                : Command.read(block, 16, at, at + 4096);
                pair.put(command.commandId(id));
                issued.put(id, new Issued(slot, write));
            }
            process.survive(pair::ring);
        }

        /** Never more than the completion queue holds: Linux sizes both alike. */
        private int room() {
            return Math.min(pair.completionSize, pair.submissionSize) - 1;
        }

        private int head;

        private int lastHead() {
            return head;
        }

        private int freeId() {
            int id = random.nextInt(1 << 16);
            while (issued.containsKey(id)) {
                id = random.nextInt(1 << 16);
            }
            return id;
        }

        /** As an interrupt handler: nothing is looked at without an interrupt. */
        private boolean complete() {
            if (function.interrupts[1] == seen) {
                return false;
            }
            seen = function.interrupts[1];
            Guest.Completion completion = pair.peek();
            boolean any = completion != null;
            while (completion != null) {
                check(completion);
                head = completion.head();
                pair.head = pair.head + 1 == pair.completionSize ? 0 : pair.head + 1;
                pair.phase ^= pair.head == 0 ? 1 : 0;
                completion = pair.peek();
            }
            process.survive(() -> guest.write32(Register.DOORBELLS + 12, pair.head));
            return any;
        }

        private void check(Guest.Completion completion) {
            Issued command = issued.remove(completion.commandId());
            if (command == null) {
                throw new AssertionError("completed twice: " + completion);
            }
            assertThat(completion.status()).isZero();
            MemorySegment memory = guest.ram(data + (long) command.slot * SLOT_BYTES, SLOT_BYTES);
            MemorySegment expected = model.asSlice((long) command.slot * SLOT_BYTES, SLOT_BYTES);
            if (command.write) {
                expected.copyFrom(memory);
            } else {
                assertThat(memory.mismatch(expected)).isEqualTo(-1);
            }
        }

        /** Everything completes without a further doorbell of a submission queue. */
        private void finish() {
            for (int idle = 0; !issued.isEmpty(); ) {
                process.survive(guest::settle);
                process.sleep();
                idle = complete() ? 0 : idle + 1;
                assertThat(idle).describedAs("stalled: %s", issued).isLessThan(1000);
            }
            assertThat(namespace.blocks.mismatch(model)).isEqualTo(-1);
            assertThat(function.errors).isEmpty();
        }

        /**
         * The queues are made anew while processes end; their old completions count for nothing.
         */
        void renewQueues() {
            process.beImmortal(); // the helper of this test does not expect kills
            Guest.expectSuccess(guest.admin(Command.deleteSubmission(1)));
            Guest.expectSuccess(guest.admin(Command.deleteCompletion(1)));
            pair = newPair();
            head = 0;
            seen = function.interrupts[1];
            process.takeOver();
            process.survive(guest::settle);
        }
    }

    @RepeatedTest(300)
    void nothingIsLostAndNothingIsDoneTwice(RepetitionInfo repetition) {
        Run run = new Run(repetition.getCurrentRepetition());
        run.go(150);
        run.renewQueues();
        run.go(50);
    }

    @Test
    void processesDoEndInTheseRuns() {
        Run run = new Run(1);
        run.go(500);
        assertThat(run.process.kills).isGreaterThan(20);
    }

    @Test
    @Tag("long")
    void nothingIsLostInManyMoreRuns() {
        for (int seed = 0; seed < 30_000; seed++) {
            Run run = new Run(seed);
            run.go(200);
        }
    }
}
