package niter.card.vpc.services;

import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;

/**
 * Gives Jetty the connections of our own TCP endpoint: no descriptors, no selector, nothing to
 * accept.
 */
final class GuestConnector extends AbstractConnector implements TcpService {
    private static final int NO_ACCEPTORS = 0;

    GuestConnector(Server server, HttpConfiguration http) {
        super(server, null, null, null, NO_ACCEPTORS, new HttpConnectionFactory(http));
        setIdleTimeout(0); // the TCP endpoint watches that
    }

    @Override
    public ByteStream.Application open(TcpKey peer, ByteStream stream) {
        GuestEndPoint endPoint = new GuestEndPoint(this, peer, stream);
        getExecutor().execute(() -> open(endPoint));
        return endPoint;
    }

    private void open(GuestEndPoint endPoint) {
        Connection connection = getDefaultConnectionFactory().newConnection(this, endPoint);
        endPoint.setConnection(connection);
        endPoint.onOpen();
        onEndPointOpened(endPoint);
        connection.onOpen();
    }

    void closed(GuestEndPoint endPoint) {
        onEndPointClosed(endPoint);
    }

    @Override
    protected void accept(int acceptor) {
        throw new AssertionError("there are no acceptors");
    }

    @Override
    public Object getTransport() {
        return this;
    }
}
