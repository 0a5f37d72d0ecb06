package niter.card.ebs;

import java.util.ArrayList;
import java.util.List;

/** What reached the file and what the guest was told, in one order. For one thread. */
final class PowerLog {
    /** Whose view of the volume a step changes. */
    enum Layer {
        FILE,
        GUEST;

        private Versions of(Versions file, Versions guest) {
            return this == FILE ? file : guest;
        }
    }

    private interface Step {
        void apply(Versions file, Versions guest, int now);
    }

    private final List<Step> steps = new ArrayList<>();

    /** The moment: how many steps there were. */
    int now() {
        return steps.size();
    }

    void began(Layer layer, Versions.Change change) {
        steps.add((file, guest, now) -> layer.of(file, guest).begin(change));
    }

    void ended(Layer layer, Versions.Change change, int blocks) {
        steps.add((file, guest, now) -> layer.of(file, guest).end(change, blocks, now));
    }

    /** A flush has succeeded. @param since the moment when it began */
    void flushed(Layer layer, int since) {
        steps.add((file, guest, now) -> layer.of(file, guest).barrier(since));
    }

    /** Does one step again. */
    void replay(int step, Versions file, Versions guest) {
        steps.get(step).apply(file, guest, step);
    }
}
