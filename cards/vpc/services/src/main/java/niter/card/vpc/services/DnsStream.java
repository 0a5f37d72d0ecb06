package niter.card.vpc.services;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * DNS over TCP, RFC 7766: messages after their length. One query at a time: the next is not read
 * before its answer has gone out, so a guest that does not read cannot make us remember answers.
 */
final class DnsStream implements ByteStream.Application {
    private static final int LENGTH = 2;

    private final ByteStream stream;
    private final BiConsumer<byte[], Consumer<byte[]>> resolver;
    private final ByteBuffer query = ByteBuffer.allocate(LENGTH + Resolver.MAX_QUERY);
    private ByteBuffer answer = ByteBuffer.allocate(0); // guarded by this, as all here
    private boolean waiting; // for the resolver
    private boolean ended;
    private boolean advancing;

    /**
     * Over a stream.
     *
     * @param resolver takes a query and what to do with its answer
     */
    DnsStream(ByteStream stream, BiConsumer<byte[], Consumer<byte[]>> resolver) {
        this.stream = stream;
        this.resolver = resolver;
    }

    @Override
    public synchronized void readable() {
        advance();
    }

    @Override
    public synchronized void writable() {
        advance();
    }

    private synchronized void answered(byte[] message) {
        answer = ByteBuffer.allocate(LENGTH + message.length);
        answer.putShort((short) message.length).put(message).flip();
        waiting = false;
        advance();
    }

    private void advance() {
        if (advancing) { // answered at once: whoever asked goes on
            return;
        }
        advancing = true;
        try {
            while (!ended && !waiting && write() && read()) {
                ask();
            }
        } catch (IOException e) { // the connection is gone
            end();
        } finally {
            advancing = false;
        }
    }

    /** Whether all of the answer is out. */
    private boolean write() throws IOException {
        if (answer.hasRemaining()) {
            stream.write(answer);
        }
        return !answer.hasRemaining();
    }

    /** Whether there is a whole query. */
    private boolean read() throws IOException {
        if (query.position() < LENGTH) {
            query.limit(LENGTH);
            if (!fill()) {
                return false;
            }
            int length = query.getShort(0) & 0xffff;
            if (length == 0 || length > Resolver.MAX_QUERY) {
                end();
                return false;
            }
            query.limit(LENGTH + length);
        }
        return fill();
    }

    private boolean fill() throws IOException {
        while (query.hasRemaining()) {
            int taken = stream.read(query);
            if (taken < 0) {
                end();
            }
            if (taken <= 0) {
                return false;
            }
        }
        return true;
    }

    private void ask() {
        byte[] message = new byte[query.position() - LENGTH];
        query.get(LENGTH, message).clear();
        waiting = true;
        resolver.accept(message, this::answered);
    }

    private void end() {
        ended = true;
        stream.close();
    }
}
