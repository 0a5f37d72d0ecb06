package niter.card.vpc.services;

import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * All TCP connections, in the manner of Firecracker's dumbo. Their number is bounded, for each
 * guest and overall, and whoever has most gives way first: a guest can only shut itself out. Only
 * the loop's thread is in here, apart from the queue by which applications wake it.
 */
final class TcpEndpoint {
    static final int PER_GUEST = 24;
    static final int OVERALL = 192;

    private final FrameSink sink;
    private final Drops drops;
    private final IntSupplier initialSequence;
    private final Runnable signal;
    private final Map<TcpKey, TcpConnection> connections = new LinkedHashMap<>(); // oldest first
    private final ConcurrentLinkedQueue<TcpConnection> woken = new ConcurrentLinkedQueue<>();

    /**
     * Nothing yet.
     *
     * @param initialSequence unpredictable, RFC 6528
     * @param signal makes the loop call {@link #run}; called from any thread
     */
    TcpEndpoint(FrameSink sink, Drops drops, IntSupplier initialSequence, Runnable signal) {
        this.sink = sink;
        this.drops = drops;
        this.initialSequence = initialSequence;
        this.signal = signal;
    }

    /**
     * Takes a segment.
     *
     * @param service at its address and port; null where nothing listens
     */
    void receive(Segment segment, @Nullable TcpService service, long now) {
        TcpKey key = TcpKey.of(segment);
        @Nullable TcpConnection connection = connections.get(key);
        if (connection != null && connection.givesWayTo(segment)) {
            connections.remove(key);
            connection = null;
        }
        if (connection != null) {
            connection.receive(segment, now);
            if (connection.isClosed()) {
                connections.remove(key);
            }
            return;
        }
        boolean begins = (segment.flags() & ~Segment.PSH) == Segment.SYN;
        if (service == null || !begins) {
            segment.reset(sink); // of an earlier process, say
        } else if (makeRoom(key.mac())) {
            int initial = initialSequence.getAsInt();
            connections.put(
                    key, new TcpConnection(segment, service, initial, sink, this::wake, now));
        } else {
            drops.count(DropReason.LIMIT);
        }
    }

    private void wake(TcpConnection connection) {
        woken.add(connection);
        signal.run();
    }

    /** Does what applications and clocks ask for. */
    void run(long now) {
        @Nullable TcpConnection ready = woken.poll();
        while (ready != null) {
            ready.work(now);
            ready = woken.poll();
        }
        Iterator<TcpConnection> all = connections.values().iterator();
        while (all.hasNext()) {
            TcpConnection connection = all.next();
            connection.expire(now);
            if (connection.isClosed()) {
                all.remove();
            }
        }
    }

    /** When {@link #run} has something to do by itself; Long.MAX_VALUE for never. */
    long deadline() {
        long first = Long.MAX_VALUE;
        for (TcpConnection connection : connections.values()) {
            first = Math.min(first, connection.deadline());
        }
        return first;
    }

    int size() {
        return connections.size();
    }

    private boolean makeRoom(long mac) {
        Map<Long, Integer> counts = new HashMap<>();
        connections.keySet().forEach(key -> counts.merge(key.mac(), 1, Integer::sum));
        int own = counts.getOrDefault(mac, 0);
        if (own >= PER_GUEST) {
            return evict(mac, true);
        }
        if (connections.size() < OVERALL) {
            return true;
        }
        Map.Entry<Long, Integer> most =
                counts.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow();
        return most.getValue() > own + 1 && evict(most.getKey(), false);
    }

    /** Ends the oldest connection of a guest. */
    private boolean evict(long mac, boolean onlyExpendable) {
        Iterator<TcpConnection> all = connections.values().iterator();
        while (all.hasNext()) {
            TcpConnection oldest = all.next();
            if (oldest.key().mac() == mac && (!onlyExpendable || oldest.isExpendable())) {
                oldest.abort();
                all.remove();
                return true;
            }
        }
        return false;
    }
}
