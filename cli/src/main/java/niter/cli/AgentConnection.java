package niter.cli;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ProtocolException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The host's end of a connection to a guest's agent, in frames: its second serial port, or SSH. One
 * thread receives, any thread sends.
 */
final class AgentConnection implements AutoCloseable {
    private static final byte SYN = 0x16;
    private static final long ASK_AGAIN_MILLIS = 100;
    private static final int READY = 'R' << 24 | 1 << 8 | '1'; // type, length 1, protocol 1
    private static final int HEADER = 3;

    private final Closeable connection;
    private final DataInputStream in;
    private final OutputStream out;

    AgentConnection(Closeable connection, InputStream in, OutputStream out) {
        this.connection = connection;
        this.in = new DataInputStream(new BufferedInputStream(in));
        this.out = out;
    }

    static AgentConnection connect(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        return new AgentConnection(
                channel, Channels.newInputStream(channel), Channels.newOutputStream(channel));
    }

    /**
     * Asks again and again whether the agent is there, until it is. What comes before its answer is
     * an echo: the port was not raw yet.
     *
     * @throws EOFException if the guest ends first
     */
    void awaitReady() throws IOException {
        CountDownLatch ready = new CountDownLatch(1);
        Thread asking = Thread.ofPlatform().daemon().name("agent-ask").start(() -> ask(ready));
        try {
            int last = 0;
            while (last != READY) {
                last = last << 8 | in.readUnsignedByte();
            }
        } finally {
            ready.countDown();
        }
        try {
            asking.join(); // no SYN comes between the frames that follow
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void ask(CountDownLatch ready) {
        try {
            do {
                write(new byte[] {SYN});
            } while (!ready.await(ASK_AGAIN_MILLIS, TimeUnit.MILLISECONDS));
        } catch (IOException e) {
            return; // the receiver sees the end too, and says so
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    void send(Frame frame) throws IOException {
        send(frame.type(), frame.payload(), frame.payload().length);
    }

    /** Sends the first bytes of a payload. */
    void send(char type, byte[] payload, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(HEADER + length);
        write(bytes.put((byte) type).putShort((short) length).put(payload, 0, length).array());
    }

    private synchronized void write(byte[] bytes) throws IOException {
        out.write(bytes);
        out.flush();
    }

    /**
     * The next frame; null where the guest has ended.
     *
     * @throws ProtocolException if the frame is longer than frames are
     */
    @Nullable Frame receive() throws IOException {
        int type = in.read();
        if (type < 0) {
            return null;
        }
        try {
            int length = in.readUnsignedShort();
            if (length > Frame.MAX_PAYLOAD) {
                throw new ProtocolException(
                        "the guest's agent sent a frame of " + length + " bytes");
            }
            byte[] payload = new byte[length];
            in.readFully(payload);
            return new Frame((char) type, payload);
        } catch (EOFException e) {
            return null; // in the middle of a frame
        }
    }

    @Override
    public void close() throws IOException {
        connection.close();
    }
}
