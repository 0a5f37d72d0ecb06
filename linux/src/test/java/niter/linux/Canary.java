package niter.linux;

import java.lang.foreign.Arena;

/**
 * Tells whether duplicates of a descriptor are left anywhere: the writing end of a pipe, whose
 * reader sees the end once the last duplicate is closed.
 */
final class Canary implements AutoCloseable {
    private final Descriptor reader;
    private final Descriptor writer;

    Canary() {
        Descriptor[] pipe = FileIo.pipe();
        reader = pipe[0];
        writer = pipe[1];
        UnixSocket.setNonBlocking(reader.number(), true);
    }

    /** The descriptor to pass around. */
    int number() {
        return writer.number();
    }

    /** Closes our own; whether no other is left, not even in a message under way. */
    boolean isGone() {
        writer.close();
        try (Arena arena = Arena.ofConfined()) {
            return FileIo.read(reader.number(), arena.allocate(1).address(), 1) == 0;
        }
    }

    @Override
    public void close() {
        reader.close();
        writer.close();
    }
}
