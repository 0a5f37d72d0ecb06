package niter.card.vpc.services;

import java.util.List;
import java.util.function.Supplier;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/** Jetty, sized for requests of a few hundred bytes whose answers are ready. */
final class MetadataServer implements AutoCloseable {
    // What guests and resolvers do wrong is not news. A logger that nobody holds forgets its level.
    private static final List<Logger> QUIET =
            List.of(Logger.getLogger("org.eclipse.jetty"), Logger.getLogger("org.xbill.DNS"));

    private static final int MOST_THREADS = 6;
    private static final int HEADER_BYTES = 4 * 1024;

    private final Server server;
    private final GuestConnector connector;

    MetadataServer(Supplier<Guests> guests, Tokens tokens) {
        QUIET.forEach(logger -> logger.setLevel(Level.SEVERE));
        QueuedThreadPool threads = new QueuedThreadPool(MOST_THREADS, 1);
        threads.setName("http");
        threads.setDaemon(true);
        threads.setReservedThreads(0);
        server = new Server(threads);
        connector = new GuestConnector(server, http());
        server.addConnector(connector);
        server.setHandler(new MetadataHandler(guests, tokens));
        server.setErrorHandler(new ErrorPage());
        try {
            server.start();
        } catch (Exception e) { // declared as that
            throw new IllegalStateException("the HTTP server does not start", e);
        }
    }

    private static HttpConfiguration http() {
        HttpConfiguration http = new HttpConfiguration();
        http.setSendServerVersion(false);
        http.setSendDateHeader(true);
        http.setRequestHeaderSize(HEADER_BYTES);
        http.setResponseHeaderSize(HEADER_BYTES);
        http.setOutputBufferSize(HEADER_BYTES);
        http.setPersistentConnectionsEnabled(false); // as EC2's
        http.addCustomizer(
                (request, headers) -> {
                    headers.put(HttpHeader.SERVER, ErrorPage.SERVER);
                    return request;
                });
        return http;
    }

    /** What answers at port 80. */
    TcpService service() {
        return connector;
    }

    @Override
    public void close() {
        try {
            server.stop();
        } catch (Exception e) { // declared as that
            throw new IllegalStateException("the HTTP server does not stop", e);
        }
    }
}
