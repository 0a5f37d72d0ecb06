package niter.linux;

import java.lang.foreign.Arena;

/** Anonymous shared memory with a descriptor (memfd), sealed in its size. */
public final class MemoryFile {
    public static final int SEAL_SEAL = 0x1;
    public static final int SEAL_SHRINK = 0x2;
    public static final int SEAL_GROW = 0x4;
    public static final int SEAL_WRITE = 0x8;
    public static final int SEAL_FUTURE_WRITE = 0x10;

    private static final int MFD_CLOEXEC = 0x1;
    private static final int MFD_ALLOW_SEALING = 0x2;
    private static final int F_ADD_SEALS = 1033;
    private static final int F_GET_SEALS = 1034;

    private MemoryFile() {}

    /**
     * Zeroed memory whose size never changes, so that who maps it need not fear SIGBUS.
     *
     * @param name as shown in /proc, at most 249 bytes
     * @param bytes size, 1 or more
     */
    public static Descriptor create(String name, long bytes) {
        if (bytes <= 0) {
            throw new IllegalArgumentException("size " + bytes);
        }
        long fd;
        try (Arena arena = Arena.ofConfined()) {
            long flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
            long text = Libc.string(arena, name).address();
            fd = Libc.syscall(SystemCall.MEMFD_CREATE, text, flags, 0, 0, 0, 0);
        }
        if (fd < 0) {
            throw LinuxException.of("memfd_create(" + name + ")", (int) -fd);
        }
        Descriptor file = Descriptor.adopt((int) fd);
        try {
            FileIo.ftruncate(file.number(), bytes);
            long seals = SEAL_SHRINK | SEAL_GROW | SEAL_SEAL;
            long result = Libc.syscall(SystemCall.FCNTL, fd, F_ADD_SEALS, seals, 0, 0, 0);
            if (result < 0) {
                throw LinuxException.of(
                        "fcntl(" + fd + ", F_ADD_SEALS, " + seals + ")", (int) -result);
            }
            return file;
        } catch (LinuxException e) {
            file.close();
            throw e;
        }
    }

    /**
     * The seals of a file, bits of {@code SEAL_…}; 0 for a file that has none or cannot have any.
     */
    public static int seals(int fd) {
        long seals = Libc.syscall(SystemCall.FCNTL, fd, F_GET_SEALS, 0, 0, 0, 0);
        if (seals == -Errno.EINVAL) {
            return 0; // not a memfd
        }
        if (seals < 0) {
            throw LinuxException.of("fcntl(" + fd + ", F_GET_SEALS)", (int) -seals);
        }
        return (int) seals;
    }

    /** The size in bytes. */
    public static long size(int fd) {
        return FileIo.size(fd);
    }
}
