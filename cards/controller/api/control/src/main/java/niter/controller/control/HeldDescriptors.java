package niter.controller.control;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/** Duplicates of all that a process has the keeper hold, to be given back to the next keeper. */
final class HeldDescriptors implements AutoCloseable {
    private final Map<String, Descriptor> byKey = new LinkedHashMap<>();

    /** A packet's worth of keys with their descriptors, which the caller closes. */
    record Packet(List<String> keys, List<Descriptor> descriptors) implements AutoCloseable {
        @Override
        public void close() {
            descriptors.forEach(Descriptor::close);
        }
    }

    synchronized void put(Map<String, Descriptor> descriptors) {
        descriptors.forEach(
                (key, descriptor) -> {
                    Descriptor replaced = byKey.put(key, descriptor.duplicate());
                    if (replaced != null) {
                        replaced.close();
                    }
                });
    }

    synchronized void remove(List<String> keys) {
        for (String key : keys) {
            byKey.entrySet().removeIf(entry -> closed(entry, key));
        }
    }

    private static boolean closed(Map.Entry<String, Descriptor> entry, String key) {
        String name = entry.getKey();
        if (!name.equals(key) && !(key.endsWith("/") && name.startsWith(key))) {
            return false;
        }
        entry.getValue().close();
        return true;
    }

    synchronized boolean contains(String key) {
        return byKey.containsKey(key);
    }

    synchronized List<String> keys() {
        return List.copyOf(byKey.keySet());
    }

    /**
     * Duplicates of those that are still held: what happens to the table meanwhile is no matter.
     */
    synchronized Packet packet(List<String> keys) {
        Packet packet = new Packet(new ArrayList<>(), new ArrayList<>());
        for (String key : keys) {
            @Nullable Descriptor descriptor = byKey.get(key);
            if (descriptor != null) {
                packet.keys.add(key);
                packet.descriptors.add(descriptor.duplicate());
            }
        }
        return packet;
    }

    /** Splits keys into what fits one packet each. */
    static List<List<String>> packets(List<String> keys) {
        List<List<String>> packets = new ArrayList<>();
        for (int i = 0; i < keys.size(); i += ControlChannel.MAX_DESCRIPTORS) {
            packets.add(keys.subList(i, Math.min(keys.size(), i + ControlChannel.MAX_DESCRIPTORS)));
        }
        return packets;
    }

    @Override
    public synchronized void close() {
        byKey.values().forEach(Descriptor::close);
        byKey.clear();
    }
}
