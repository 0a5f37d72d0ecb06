package niter.card.vpc.services;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.util.BufferUtil;
import org.jspecify.annotations.Nullable;

/**
 * A guest's TCP connection as Jetty sees it. No socket lies between: the stream's bounded queues
 * do, so who the guest is comes with the connection and the answer's hop limit goes with it.
 */
final class GuestEndPoint extends AbstractEndPoint implements ByteStream.Application {
    private final GuestConnector connector;
    private final TcpKey peer;
    private final ByteStream stream;

    GuestEndPoint(GuestConnector connector, TcpKey peer, ByteStream stream) {
        super(connector.getScheduler());
        this.connector = connector;
        this.peer = peer;
        this.stream = stream;
    }

    TcpKey peer() {
        return peer;
    }

    /** The hop limit of what is written from now on. */
    void limitHops(int hops) {
        stream.limitHops(hops);
    }

    // ---- called by the loop, which must not find itself running Jetty's code

    @Override
    public void readable() {
        if (getFillInterest().isInterested()) {
            connector.getExecutor().execute(getFillInterest()::fillable);
        }
    }

    @Override
    public void writable() {
        if (getWriteFlusher().isPending()) {
            connector.getExecutor().execute(getWriteFlusher()::completeWrite);
        }
    }

    // ---- called by Jetty

    @Override
    protected void needsFillInterest() {
        if (stream.isReadable()) { // it came before the interest: nobody else will tell
            connector.getExecutor().execute(getFillInterest()::fillable);
        }
    }

    @Override
    protected void onIncompleteFlush() {
        if (stream.isWritable()) {
            connector.getExecutor().execute(getWriteFlusher()::completeWrite);
        }
    }

    @Override
    public int fill(ByteBuffer buffer) throws IOException {
        if (isInputShutdown()) {
            return -1;
        }
        int position = BufferUtil.flipToFill(buffer);
        try {
            int taken = stream.read(buffer);
            if (taken < 0) {
                shutdownInput();
            }
            return taken;
        } finally {
            BufferUtil.flipToFlush(buffer, position);
        }
    }

    @Override
    public boolean flush(ByteBuffer... buffers) throws IOException {
        for (ByteBuffer buffer : buffers) {
            if (buffer.hasRemaining()) {
                stream.write(buffer);
                if (buffer.hasRemaining()) {
                    return false;
                }
            }
        }
        return true;
    }

    @Override
    protected void doShutdownOutput() {
        stream.endOutput();
    }

    @Override
    protected void doClose() {
        stream.close();
    }

    @Override
    public void onClose(@Nullable Throwable cause) {
        try {
            super.onClose(cause);
            getConnection().onClose(cause);
        } finally {
            connector.closed(this);
        }
    }

    @Override
    public Object getTransport() {
        return stream;
    }

    @Override
    public SocketAddress getLocalSocketAddress() {
        return address(peer.destination(), peer.destinationPort());
    }

    @Override
    public SocketAddress getRemoteSocketAddress() {
        return address(peer.source(), peer.sourcePort());
    }

    private static InetSocketAddress address(int address, int port) {
        byte[] bytes = new byte[Integer.BYTES];
        Packet.u32(bytes, 0, address);
        try {
            return new InetSocketAddress(InetAddress.getByAddress(bytes), port);
        } catch (UnknownHostException e) {
            throw new AssertionError("four bytes are an address", e);
        }
    }
}
