package niter.card.ebs;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import niter.linux.Descriptor;
import niter.pcie.Escrow;

/**
 * The keeper's store and the card's end of it, of which either may be lost: what the keeper held
 * comes back from the card, what the card had from the keeper. Never both at one moment.
 */
final class SimulatedKeeper implements Escrow, AutoCloseable {
    private final Map<String, Descriptor> held = new HashMap<>(); // the keeper's
    private final Map<String, Descriptor> own = new HashMap<>(); // the card's
    private boolean away;

    @Override
    public void hold(Map<String, Descriptor> byKey) throws IOException {
        put(own, byKey);
        require();
        put(held, byKey);
    }

    @Override
    public void release(String... keys) throws IOException {
        remove(own, keys);
        require();
        remove(held, keys);
    }

    private void require() throws IOException {
        if (away) {
            throw new IOException("no keeper");
        }
    }

    private static void put(Map<String, Descriptor> into, Map<String, Descriptor> byKey) {
        byKey.forEach(
                (key, descriptor) -> {
                    Descriptor before = into.put(key, descriptor.duplicate());
                    if (before != null) {
                        before.close();
                    }
                });
    }

    private static void remove(Map<String, Descriptor> from, String... keys) {
        for (String key : keys) {
            from.entrySet().removeIf(entry -> goes(key, entry));
        }
    }

    private static boolean goes(String key, Map.Entry<String, Descriptor> entry) {
        String name = entry.getKey();
        boolean goes = key.endsWith("/") ? name.startsWith(key) : name.equals(key);
        if (goes) {
            entry.getValue().close();
        }
        return goes;
    }

    private static void clear(Map<String, Descriptor> all) {
        all.values().forEach(Descriptor::close);
        all.clear();
    }

    void keeperDies() {
        clear(held);
        away = true;
    }

    /** The next one is given everything. */
    void nextKeeper() {
        away = false;
        put(held, own);
    }

    void cardDies() {
        clear(own);
    }

    /** For the next card. */
    Map<String, Descriptor> given() {
        put(own, held);
        Map<String, Descriptor> copies = new HashMap<>();
        put(copies, held);
        return copies;
    }

    Set<String> heldKeys() {
        return new TreeSet<>(held.keySet());
    }

    Set<String> ownKeys() {
        return new TreeSet<>(own.keySet());
    }

    @Override
    public void close() {
        clear(held);
        clear(own);
    }
}
