package niter.pcie;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import niter.linux.Descriptor;

/**
 * The descriptors that a client sent, by the token under which the segment knows them and the
 * escrow holds them. For the function's thread.
 */
final class HeldDescriptors implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(HeldDescriptors.class.getName());
    static final String PREFIX = "fd/";

    private final String id;
    private final Escrow escrow;
    private final LogRation ration = new LogRation(System::nanoTime);
    private final Map<Long, Descriptor> byToken = new HashMap<>();

    HeldDescriptors(String id, Escrow escrow) {
        this.id = id;
        this.escrow = escrow;
    }

    /**
     * Takes what an earlier process left under this key; false if it is no descriptor of a client.
     */
    boolean take(String key, Descriptor descriptor) {
        if (!key.startsWith(PREFIX)) {
            return false;
        }
        byToken.put(Long.parseLong(key.substring(PREFIX.length())), descriptor);
        return true;
    }

    /**
     * Takes new descriptors, and has the escrow hold them before anything refers to them.
     *
     * @param token of the first; the others follow
     */
    void take(List<Descriptor> descriptors, long token) {
        Map<String, Descriptor> byKey = new HashMap<>();
        for (int i = 0; i < descriptors.size(); i++) {
            @SuppressWarnings("resource") // of an attempt that ended with an error
            var before = byToken.put(token + i, descriptors.get(i));
            if (before != null) {
                before.close();
            }
            byKey.put(PREFIX + (token + i), descriptors.get(i));
        }
        try {
            escrow.hold(byKey);
        } catch (IOException e) {
            ration.log(
                    LOG, System.Logger.Level.WARNING, "{0}: not held yet: {1}", id, e.getMessage());
        }
    }

    /** The descriptor, or -1. */
    int number(long token) {
        Descriptor descriptor = byToken.get(token);
        return descriptor == null ? -1 : descriptor.number();
    }

    /** Closes all that the predicate does not know, and lets the escrow forget them. */
    void keepOnly(java.util.function.LongPredicate isReferenced) {
        List<String> gone = new ArrayList<>();
        var entries = byToken.entrySet().iterator();
        while (entries.hasNext()) {
            var entry = entries.next();
            if (!isReferenced.test(entry.getKey())) {
                entry.getValue().close();
                gone.add(PREFIX + entry.getKey());
                entries.remove();
            }
        }
        if (gone.isEmpty()) {
            return;
        }
        try {
            escrow.release(gone.toArray(String[]::new));
        } catch (IOException e) {
            ration.log(
                    LOG, System.Logger.Level.WARNING, "{0}: not released: {1}", id, e.getMessage());
        }
    }

    /** Closes this process's duplicates; the escrow keeps its own. */
    @Override
    public void close() {
        byToken.values().forEach(Descriptor::close);
        byToken.clear();
    }
}
