package niter.controller;

import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.function.Consumer;
import niter.controller.control.StateDirectory;

/** Who wants to know of each change of an instance. */
final class Watchers {
    private final StateDirectory state;
    private final Set<Consumer<niter.controller.northbound.Instance>> watchers =
            new CopyOnWriteArraySet<>();

    Watchers(StateDirectory state) {
        this.state = state;
    }

    /** Tells all. They must not wait. */
    void changed(Instance instance) {
        niter.controller.northbound.Instance now = describe(instance);
        watchers.forEach(watcher -> watcher.accept(now));
    }

    /** As the API shows it. */
    niter.controller.northbound.Instance describe(Instance instance) {
        return instance.describe(state.runSocket(instance.id()).toString());
    }

    void add(Consumer<niter.controller.northbound.Instance> watcher) {
        watchers.add(watcher);
    }

    void remove(Consumer<niter.controller.northbound.Instance> watcher) {
        watchers.remove(watcher);
    }
}
