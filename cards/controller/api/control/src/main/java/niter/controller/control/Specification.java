package niter.controller.control;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import niter.linux.LinuxException;
import niter.linux.MemoryFile;

/**
 * The request that made a function or configured a card, in memory that outlives this process: the
 * message's bytes and nothing else.
 */
public final class Specification {
    private static final long MAX_BYTES = 64 * 1024;

    private Specification() {}

    /** Writes a message to new memory, which the caller owns. */
    public static Descriptor write(MessageLite request) {
        byte[] bytes = request.toByteArray();
        Descriptor memory = MemoryFile.create("spec", bytes.length);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
            long written = FileIo.pwrite(memory.number(), copy.address(), bytes.length, 0);
            if (written != bytes.length) {
                throw LinuxException.of("pwrite(spec)", (int) -Math.min(written, -1));
            }
            return memory;
        } catch (LinuxException e) {
            memory.close();
            throw e;
        }
    }

    /**
     * Reads it back; the descriptor stays the caller's.
     *
     * @throws IOException if that is no request
     */
    public static <T> T read(Descriptor memory, Parser<T> parser) throws IOException {
        long size = FileIo.size(memory.number());
        if (size > MAX_BYTES) {
            throw new IOException("a specification of " + size + " bytes");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(size);
            long got = FileIo.pread(memory.number(), bytes.address(), size, 0);
            if (got != size) {
                throw new IOException("a specification of " + got + " bytes, not " + size);
            }
            ByteBuffer buffer = bytes.asByteBuffer();
            return parser.parseFrom(buffer);
        } catch (InvalidProtocolBufferException e) {
            throw new IOException("a damaged specification: " + e.getMessage(), e);
        }
    }
}
