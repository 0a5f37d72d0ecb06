package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/**
 * What is to happen at which {@link Failpoint}, in a file that all processes and the test map. A
 * count that a process has counted down stays down, so whoever follows a process that was killed
 * here goes on. Any thread may use it.
 *
 * <pre>
 * header, 64 bytes:  u64 magic, u32 hash of all names, u32 0
 * each failpoint, 64 bytes:  i64 hits to go or 0, i32 victim's pid or 0, u32 0, i64 hits, i64 strikes
 * </pre>
 */
public final class FailpointFile implements AutoCloseable {
    /** As a victim: {@link Simulated} is thrown where a process would end. */
    public static final int SIMULATED = -1;

    private static final long MAGIC = 0x7374_6e69_6f70_6c66L;
    private static final int SLOT_BYTES = 64;
    private static final int TO_GO = 0;
    private static final int VICTIM = 8;
    private static final int HITS = 16;
    private static final int STRIKES = 24;
    private static final int BYTES = SLOT_BYTES * (1 + Failpoint.values().length);
    private static final long PATIENCE_NANOS = 1_000_000_000L;

    private static final VarHandle LONG = JAVA_LONG.varHandle();
    private static final VarHandle INT = JAVA_INT.varHandle();

    private final Mapping mapping;
    private final MemorySegment memory;

    /** The end of a process that is simulated within another. */
    public static final class Simulated extends Error {
        private static final long serialVersionUID = 1;

        Simulated(Failpoint point) {
            super(point.label(), null, false, false);
        }
    }

    private FailpointFile(Mapping mapping) {
        this.mapping = mapping;
        memory = mapping.segment();
    }

    /** Opens a file, or makes one in which nothing is armed. */
    public static FailpointFile open(Path path) {
        return open(path, new EnumMap<>(Failpoint.class));
    }

    /**
     * Opens a file, or makes one.
     *
     * @param armed how many hits from now each of these ends who hits it; nothing where the file
     *     exists
     * @throws IllegalArgumentException with one line, if it is another build's or no such file
     */
    static FailpointFile open(Path path, Map<Failpoint, Long> armed) {
        try {
            if (!Files.exists(path)) {
                make(path, armed);
            }
        } catch (IOException e) {
            throw new IllegalArgumentException(path + ": cannot be made: " + e, e);
        }
        try (Descriptor file = FileIo.open(path, FileIo.O_RDWR, 0)) {
            if (FileIo.size(file.number()) != BYTES) {
                throw stranger(path);
            }
            Mapping mapping = Mapping.map(file.number(), 0, BYTES, true);
            MemorySegment memory = mapping.segment();
            if (memory.get(JAVA_LONG, 0) != MAGIC || memory.get(JAVA_INT, 8) != names()) {
                mapping.close();
                throw stranger(path);
            }
            return new FailpointFile(mapping);
        }
    }

    private static IllegalArgumentException stranger(Path path) {
        return new IllegalArgumentException(path + ": no failpoint file of this build: remove it");
    }

    private static int names() {
        return Arrays.toString(Failpoint.values()).hashCode();
    }

    /** It appears as a whole: several processes may start at one moment. */
    private static void make(Path path, Map<Failpoint, Long> armed) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES).order(ByteOrder.nativeOrder());
        bytes.putLong(0, MAGIC).putInt(8, names());
        armed.forEach((point, hits) -> bytes.putLong((int) at(point) + TO_GO, hits));
        Path whole = Files.createTempFile(path.getParent(), "failpoints", ".new");
        try {
            Files.write(whole, bytes.array());
            Files.createLink(path, whole);
        } catch (FileAlreadyExistsException e) {
            return; // another one was quicker
        } finally {
            Files.delete(whole);
        }
    }

    private static long at(Failpoint point) {
        return SLOT_BYTES * (1L + point.ordinal());
    }

    /**
     * Has a process killed, once.
     *
     * @param hits at which hit from now on, 1 or more
     * @param victim pid of who is killed; 0 for the process that hits it; {@link #SIMULATED}
     */
    public void arm(Failpoint point, long hits, int victim) {
        INT.setVolatile(memory, at(point) + VICTIM, victim);
        LONG.setVolatile(memory, at(point) + TO_GO, hits);
    }

    /** Lets nobody be killed there. */
    public void disarm(Failpoint point) {
        LONG.setVolatile(memory, at(point) + TO_GO, 0L);
    }

    /** How often it was reached. */
    public long hits(Failpoint point) {
        return (long) LONG.getVolatile(memory, at(point) + HITS);
    }

    /** How often a process was killed there. */
    public long strikes(Failpoint point) {
        return (long) LONG.getVolatile(memory, at(point) + STRIKES);
    }

    void hit(Failpoint point) {
        long at = at(point);
        LONG.getAndAdd(memory, at + HITS, 1L);
        if ((long) LONG.getVolatile(memory, at + TO_GO) > 0
                && (long) LONG.getAndAdd(memory, at + TO_GO, -1L) == 1) {
            int victim = (int) INT.getVolatile(memory, at + VICTIM);
            if (victim == SIMULATED) {
                LONG.getAndAdd(memory, at + STRIKES, 1L);
                throw new Simulated(point);
            }
            strike(at, victim);
        }
    }

    private void strike(long at, int victim) {
        if (victim == 0) {
            LONG.getAndAdd(memory, at + STRIKES, 1L);
            Processes.kill((int) ProcessHandle.current().pid(), Signals.SIGKILL);
        }
        try (Descriptor pidfd = Processes.pidfd(victim);
                Epoll end = new Epoll()) {
            end.add(pidfd.number(), 1);
            LONG.getAndAdd(memory, at + STRIKES, 1L); // first: the victim may be this process
            Processes.kill(victim, Signals.SIGKILL);
            end.awaitNanos(PATIENCE_NANOS, new long[1]); // this step finds it dead
        } catch (LinuxException e) {
            if (e.errno() != Errno.ESRCH) { // it has ended already: no strike
                throw e;
            }
        }
    }

    @Override
    public void close() {
        mapping.close();
    }
}
