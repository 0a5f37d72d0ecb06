package niter.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A shared mapping of a file into this process. */
public final class Mapping implements AutoCloseable {
    private static final int PROT_READ = 0x1;
    private static final int PROT_WRITE = 0x2;
    private static final int MAP_SHARED = 0x1;

    // Shared, so that a thread which uses the segment late gets an exception and no signal.
    private final Arena arena = Arena.ofShared();
    private final MemorySegment segment;

    @SuppressWarnings("restricted") // the kernel has just given us this range
    private Mapping(long address, long bytes, boolean writable) {
        MemorySegment mapped =
                MemorySegment.ofAddress(address)
                        .reinterpret(bytes, arena, whole -> unmap(whole.address(), bytes));
        segment = writable ? mapped : mapped.asReadOnly(); // a store would end this process
    }

    /**
     * Maps a part of a file.
     *
     * @param offset in the file, a multiple of its page size
     * @param bytes length, 1 or more; the file must be that long when it is touched
     */
    public static Mapping map(int fd, long offset, long bytes, boolean writable) {
        int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
        return map(fd, offset, bytes, protection, MAP_SHARED);
    }

    /** As above, with the kernel's own bits for protection and flags. */
    static Mapping map(int fd, long offset, long bytes, int protection, int flags) {
        long address = Libc.syscall(SystemCall.MMAP, 0, bytes, protection, flags, fd, offset);
        if (address < 0) {
            throw LinuxException.of(
                    "mmap(" + fd + ", " + offset + ", " + bytes + ")", (int) -address);
        }
        return new Mapping(address, bytes, (protection & PROT_WRITE) != 0);
    }

    private static void unmap(long address, long bytes) {
        long result = Libc.syscall(SystemCall.MUNMAP, address, bytes, 0, 0, 0, 0);
        if (result < 0) {
            throw LinuxException.of("munmap(" + address + ", " + bytes + ")", (int) -result);
        }
    }

    /** Where it begins, valid until close: no one checks accesses through the address. */
    public long address() {
        return segment.address();
    }

    public long bytes() {
        return segment.byteSize();
    }

    /**
     * The mapped memory, read-only where the mapping is; access after close throws
     * IllegalStateException.
     */
    public MemorySegment segment() {
        return segment;
    }

    /** Unmaps it; more calls do nothing. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
