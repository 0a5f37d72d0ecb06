package niter.card.vpc.services;

import java.util.HashMap;
import java.util.Map;
import niter.linux.Descriptor;

/** What the keeper does for these services, in this process: duplicates that outlive it. */
final class HeldHere implements Escrow, AutoCloseable {
    private final Map<String, Descriptor> held = new HashMap<>();

    @Override
    public synchronized void hold(Map<String, Descriptor> byKey) {
        byKey.forEach(
                (key, descriptor) -> {
                    Descriptor before = held.put(key, descriptor.duplicate());
                    if (before != null) {
                        before.close();
                    }
                });
    }

    @Override
    public synchronized void release(String... keys) {
        for (String key : keys) {
            held.entrySet().removeIf(entry -> goes(key, entry));
        }
    }

    private static boolean goes(String key, Map.Entry<String, Descriptor> entry) {
        boolean goes =
                key.endsWith("/") ? entry.getKey().startsWith(key) : entry.getKey().equals(key);
        if (goes) {
            entry.getValue().close();
        }
        return goes;
    }

    /** Duplicates for the next process. */
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
