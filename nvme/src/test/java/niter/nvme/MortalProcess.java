package niter.nvme;

import java.util.SplittableRandom;

/**
 * The process that serves a guest. It ends between any two stores of its own, its successors too,
 * and each successor goes on from what the function holds. Everything follows from the random
 * source.
 */
final class MortalProcess {
    /** The end of a process. */
    private static final class Killed extends Error {
        private static final long serialVersionUID = 1;
    }

    final Guest guest;
    int kills;

    private final SplittableRandom random;
    private final FakeFunction function;
    private final MemoryNamespace namespace;
    private final NvmeOptions options;
    private final int longestLife;
    private int stepsToLive = Integer.MAX_VALUE; // immortal
    private long now;

    /**
     * The first process; it lives on until {@link #beMortal}.
     *
     * @param longestLife in steps
     */
    MortalProcess(
            SplittableRandom random,
            FakeFunction function,
            MemoryNamespace namespace,
            NvmeOptions options,
            int longestLife) {
        this.random = random;
        this.function = function;
        this.namespace = namespace;
        this.options = options;
        this.longestLife = longestLife;
        namespace.step = this::step;
        function.step = this::step;
        guest = new Guest(function, controller());
    }

    private NvmeController controller() {
        return new NvmeController(
                Guest.identity(),
                namespace,
                options,
                () -> now,
                memory -> new DyingLiveState(memory, this::step));
    }

    private void step() {
        if (--stepsToLive == 0) {
            kills++;
            beMortal();
            throw new Killed();
        }
    }

    /** Draws when it ends; often soon, so that a successor ends while it takes over. */
    void beMortal() {
        stepsToLive = 1 + random.nextInt(random.nextInt(8) == 0 ? 12 : longestLife);
    }

    void beImmortal() {
        stepsToLive = Integer.MAX_VALUE;
    }

    /** Does something, again and again until a process lives long enough for it. */
    void survive(Runnable deed) {
        boolean done = false;
        while (!done) {
            try {
                deed.run();
                done = true;
            } catch (Killed e) {
                takeOver();
            }
        }
    }

    /** The next process, which may end while it takes over. */
    void takeOver() {
        boolean done = false;
        while (!done) {
            function.forgetTransaction();
            namespace.abandon();
            guest.controller = controller();
            try {
                guest.controller.attach(function, true);
                done = true;
            } catch (Killed e) {
                continue; // the next one
            }
        }
    }

    void pass(long nanos) {
        now += nanos;
    }

    /** As much time as its function would sleep, a millisecond at most. */
    void sleep() {
        now += Math.min(guest.controller.nextDeadlineNanos(), 1_000_000);
    }
}
