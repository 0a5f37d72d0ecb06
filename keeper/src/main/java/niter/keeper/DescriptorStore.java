package niter.keeper;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import niter.controller.control.ControlChannel;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/** The descriptors that are held, by process and key, in the order in which they came. */
final class DescriptorStore implements AutoCloseable {
    /** The most that one process may have held. */
    static final int MAX_PER_PROCESS = 8192;

    private static final int MAX_KEY_LENGTH = 256;

    private final Map<String, Map<String, Descriptor>> byProcess = new HashMap<>();

    /** What one packet carries back. */
    record Part(List<String> keys, List<Descriptor> descriptors) {}

    /**
     * Takes over descriptors.
     *
     * @throws RefusedException if keys and descriptors do not fit; then none is held, and the
     *     caller still owns them
     */
    void hold(String process, List<String> keys, List<Descriptor> descriptors)
            throws RefusedException {
        if (keys.size() != descriptors.size()) {
            throw new RefusedException(
                    "keys: expected one for each of %d descriptors, got %d"
                            .formatted(descriptors.size(), keys.size()));
        }
        Map<String, Descriptor> held = byProcess.getOrDefault(process, Map.of());
        Set<String> added = new HashSet<>();
        for (String key : keys) {
            if (key.isEmpty() || key.length() > MAX_KEY_LENGTH || key.endsWith("/")) {
                throw new RefusedException(
                        "keys: expected 1 to 256 characters without / at the end, got " + key);
            }
            if (!added.add(key)) {
                throw new RefusedException("keys: expected each once, got again " + key);
            }
        }
        added.removeAll(held.keySet());
        if (held.size() + added.size() > MAX_PER_PROCESS) {
            throw new RefusedException("keys: at most " + MAX_PER_PROCESS + " for one process");
        }
        Map<String, Descriptor> target =
                byProcess.computeIfAbsent(process, name -> new LinkedHashMap<>());
        for (int i = 0; i < keys.size(); i++) {
            @Nullable Descriptor replaced = target.put(keys.get(i), descriptors.get(i));
            if (replaced != null) {
                replaced.close();
            }
        }
    }

    /** Forgets keys; one that ends in "/" means everything below it. */
    void release(String process, List<String> keys) {
        Map<String, Descriptor> held = byProcess.getOrDefault(process, new HashMap<>());
        for (String key : keys) {
            if (key.endsWith("/")) {
                held.entrySet().removeIf(entry -> entry.getKey().startsWith(key) && closed(entry));
            } else {
                @Nullable Descriptor released = held.remove(key);
                if (released != null) {
                    released.close();
                }
            }
        }
        if (held.isEmpty()) {
            byProcess.remove(process);
        }
    }

    private static boolean closed(Map.Entry<String, Descriptor> entry) {
        entry.getValue().close();
        return true;
    }

    /**
     * All that a process has held, in parts that fit a packet; at least one, which may be empty.
     */
    List<Part> parts(String process) {
        List<Part> parts = new ArrayList<>();
        Part part = new Part(new ArrayList<>(), new ArrayList<>());
        parts.add(part);
        for (var held : byProcess.getOrDefault(process, Map.of()).entrySet()) {
            if (part.keys.size() == ControlChannel.MAX_DESCRIPTORS) {
                part = new Part(new ArrayList<>(), new ArrayList<>());
                parts.add(part);
            }
            part.keys.add(held.getKey());
            part.descriptors.add(held.getValue());
        }
        return parts;
    }

    void drop(String process) {
        @Nullable Map<String, Descriptor> dropped = byProcess.remove(process);
        if (dropped != null) {
            dropped.values().forEach(Descriptor::close);
        }
    }

    Set<String> processes() {
        return Set.copyOf(byProcess.keySet());
    }

    @Override
    public void close() {
        processes().forEach(this::drop);
    }
}
