package niter.card.vpc.services;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.xbill.DNS.config.ResolvConfResolverConfigProvider;

/**
 * The resolvers that the host is configured with, and no others: where there are none, dnsjava's
 * own defaults would ask whatever listens on the host's loopback.
 */
final class HostResolvers implements Supplier<List<InetSocketAddress>> {
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(10);

    private List<InetSocketAddress> servers = List.of(); // guarded by this
    private long readNanos = System.nanoTime() - FRESH_NANOS;

    @Override
    public synchronized List<InetSocketAddress> get() {
        long now = System.nanoTime();
        if (now - readNanos >= FRESH_NANOS) { // a laptop changes its network
            readNanos = now;
            ResolvConfResolverConfigProvider file = new ResolvConfResolverConfigProvider();
            file.initialize();
            servers = List.copyOf(file.servers());
        }
        return servers;
    }
}
