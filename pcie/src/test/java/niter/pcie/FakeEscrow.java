package niter.pcie;

import java.util.HashMap;
import java.util.Map;
import niter.linux.Descriptor;

/** An escrow in this process: keeps duplicates, and gives them to the next server. */
final class FakeEscrow implements Escrow, AutoCloseable {
    private final Map<String, Descriptor> held = new HashMap<>();
    private final Runnable step;

    /**
     * @param step called before and after each call; may throw, as if the process were killed
     */
    FakeEscrow(Runnable step) {
        this.step = step;
    }

    @Override
    public void hold(Map<String, Descriptor> byKey) {
        step.run();
        synchronized (this) {
            byKey.forEach(
                    (key, descriptor) -> {
                        Descriptor before = held.put(key, descriptor.duplicate());
                        if (before != null) {
                            before.close();
                        }
                    });
        }
        step.run();
    }

    @Override
    public void release(String... keys) {
        step.run();
        synchronized (this) {
            for (String key : keys) {
                held.entrySet()
                        .removeIf(
                                entry -> {
                                    boolean goes =
                                            key.endsWith("/")
                                                    ? entry.getKey().startsWith(key)
                                                    : entry.getKey().equals(key);
                                    if (goes) {
                                        entry.getValue().close();
                                    }
                                    return goes;
                                });
            }
        }
        step.run();
    }

    /** Duplicates of all that is held. */
    synchronized Map<String, Descriptor> given() {
        Map<String, Descriptor> copies = new HashMap<>();
        held.forEach((key, descriptor) -> copies.put(key, descriptor.duplicate()));
        return copies;
    }

    synchronized int size() {
        return held.size();
    }

    @Override
    public synchronized void close() {
        held.values().forEach(Descriptor::close);
        held.clear();
    }
}
