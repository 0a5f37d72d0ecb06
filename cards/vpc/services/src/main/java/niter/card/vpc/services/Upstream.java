package niter.card.vpc.services;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.ExtendedFlags;
import org.xbill.DNS.Message;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Record;
import org.xbill.DNS.SimpleResolver;

/** Asks the host's resolvers, one after the other. Bounded, overall and for each guest. */
final class Upstream {
    static final int OVERALL = 256;
    static final int PER_GUEST = 32;

    private static final Duration TIMEOUT = Duration.ofSeconds(2); // a client waits five
    private static final int PAYLOAD = 1232;
    private static final int MOST_SERVERS = 3;

    private final Supplier<List<InetSocketAddress>> servers;
    private final Executor executor;
    private final Map<String, Integer> asking = new HashMap<>(); // guarded by this
    private int all; // guarded by this

    Upstream(Supplier<List<InetSocketAddress>> servers, Executor executor) {
        this.servers = servers;
        this.executor = executor;
    }

    /**
     * Asks.
     *
     * @param guestId for whom
     * @param secure whether DNSSEC's records are wanted, RFC 3225
     * @return what was answered, or fails; null where too many ask
     */
    @Nullable CompletableFuture<Message> ask(String guestId, Record question, boolean secure) {
        synchronized (this) {
            int own = asking.getOrDefault(guestId, 0);
            if (all >= OVERALL || own >= PER_GUEST) {
                return null;
            }
            all++;
            asking.put(guestId, own + 1);
        }
        return CompletableFuture.supplyAsync(servers, executor)
                .thenCompose(known -> ask(known, 0, question, secure))
                .whenComplete((answer, failure) -> done(guestId));
    }

    private synchronized void done(String guestId) {
        all--;
        asking.computeIfPresent(guestId, (id, count) -> count == 1 ? null : count - 1);
    }

    private CompletionStage<Message> ask(
            List<InetSocketAddress> known, int index, Record question, boolean secure) {
        if (index >= known.size() || index >= MOST_SERVERS) {
            return CompletableFuture.failedStage(new IllegalStateException("no resolver answers"));
        }
        SimpleResolver resolver = new SimpleResolver(known.get(index));
        resolver.setTimeout(TIMEOUT);
        Message query = Message.newQuery(question); // with an id of our own
        int flags = secure ? ExtendedFlags.DO : 0;
        query.addRecord(new OPTRecord(PAYLOAD, 0, 0, flags), org.xbill.DNS.Section.ADDITIONAL);
        return resolver.sendAsync(query, executor)
                .exceptionallyCompose(failure -> ask(known, index + 1, question, secure));
    }
}
