package niter.controller;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.linux.LinuxException;
import niter.linux.UnixSocket;

/**
 * A connected stream socket whose other end a guest's machine holds. One thread reads, any thread
 * writes; closing wakes both.
 */
final class SocketStream implements AutoCloseable {
    private static final int BUFFER_BYTES = 16 * 1024;

    private final Descriptor socket;
    private final ReadWriteLock use = new ReentrantReadWriteLock(); // closing is exclusive
    private boolean closed; // guarded by use

    /** Takes over the descriptor. */
    SocketStream(Descriptor socket) {
        this.socket = socket;
    }

    /** What arrives. For one thread. */
    InputStream input() {
        return new Input();
    }

    /** Writes all of it, waiting while the other end's queue is full. */
    synchronized void write(byte[] bytes) throws IOException {
        use.readLock().lock();
        try (Arena arena = Arena.ofConfined()) {
            checkOpen();
            MemorySegment copy = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
            for (long done = 0; done < bytes.length; ) {
                long sent =
                        UnixSocket.send(
                                socket.number(), copy.address() + done, bytes.length - done, 0);
                if (sent < 0 && sent != -Errno.EINTR) {
                    throw new IOException(LinuxException.of("send", (int) -sent).getMessage());
                }
                done += Math.max(sent, 0);
            }
        } finally {
            use.readLock().unlock();
        }
    }

    private void checkOpen() throws IOException {
        if (closed) {
            throw new IOException("closed");
        }
    }

    @Override
    public void close() {
        use.readLock().lock();
        try {
            if (closed) {
                return;
            }
        } finally {
            use.readLock().unlock();
        }
        interrupt();
        use.writeLock().lock();
        try {
            closed = true;
            socket.close();
        } finally {
            use.writeLock().unlock();
        }
    }

    /** Wakes who waits in it, by ending the connection: nobody else is to use it any more. */
    private void interrupt() {
        use.readLock().lock();
        try {
            if (!closed) {
                UnixSocket.shutdown(socket.number());
            }
        } finally {
            use.readLock().unlock();
        }
    }

    private final class Input extends InputStream {
        private final Arena arena = Arena.ofShared();
        private final MemorySegment buffer = arena.allocate(BUFFER_BYTES);
        private boolean freed;

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            if (length == 0) {
                return 0;
            }
            long wanted = Math.min(length, BUFFER_BYTES);
            long got;
            use.readLock().lock();
            try {
                if (closed) {
                    return -1;
                }
                got = FileIo.read(socket.number(), buffer.address(), wanted);
            } finally {
                use.readLock().unlock();
            }
            if (got == 0 || got == -Errno.ECONNRESET) {
                return -1;
            }
            if (got < 0) {
                throw new IOException(LinuxException.of("read", (int) -got).getMessage());
            }
            MemorySegment.copy(buffer, ValueLayout.JAVA_BYTE, 0, target, offset, (int) got);
            return (int) got;
        }

        @Override
        public void close() {
            if (!freed) {
                freed = true;
                arena.close();
            }
        }
    }
}
