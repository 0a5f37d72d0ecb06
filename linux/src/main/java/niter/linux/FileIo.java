package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.nio.file.Path;

/**
 * Files by descriptor. What runs on a data plane (read, write, pread, pwrite, preadv, pwritev2,
 * fallocate, fdatasync) returns a negated errno and allocates nothing; everything else throws
 * {@link LinuxException}. A disk may make any of these wait: they belong on platform threads.
 */
public final class FileIo {
    public static final int O_RDONLY = 0;
    public static final int O_WRONLY = 0x1;
    public static final int O_RDWR = 0x2;
    public static final int O_CREAT = 0x40;
    public static final int O_EXCL = 0x80;
    public static final int O_TRUNC = 0x200;
    public static final int O_APPEND = 0x400;
    public static final int O_NONBLOCK = 0x800;
    public static final int O_DSYNC = 0x1000;
    public static final int O_DIRECT = 0x4000;
    public static final int O_DIRECTORY = 0x1_0000;
    public static final int O_NOFOLLOW = 0x2_0000;
    public static final int O_NOATIME = 0x4_0000;
    public static final int O_CLOEXEC = 0x8_0000;

    /** Per write: durable when it returns, data and what finds the data. */
    public static final int RWF_DSYNC = 0x2;

    public static final int FALLOC_FL_KEEP_SIZE = 0x1;
    public static final int FALLOC_FL_PUNCH_HOLE = 0x2;
    public static final int FALLOC_FL_ZERO_RANGE = 0x10;

    private static final int ACCESS_MODE = 0x3;
    private static final long AT_FDCWD = -100;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int F_OFD_SETLK = 37;
    private static final int F_OFD_SETLKW = 38;
    private static final long STAT_SIZE = 48; // st_size in struct stat, 144 bytes
    private static final long STAT_BLOCKS = 64; // st_blocks
    private static final long STAT_BLOCK_BYTES = 512;

    private FileIo() {}

    /**
     * Opens a file, closed on exec.
     *
     * @param flags {@code O_…}
     * @param mode permissions of a file that this creates
     */
    public static Descriptor open(Path path, int flags, int mode) {
        long fd;
        try (Arena arena = Arena.ofConfined()) {
            long name = Libc.string(arena, path.toString()).address();
            long all = flags | O_CLOEXEC;
            fd = Libc.restarted(SystemCall.OPENAT, AT_FDCWD, name, all, mode, 0, 0);
        }
        if (fd < 0) {
            throw LinuxException.of("open(" + path + ", " + names(flags) + ")", (int) -fd);
        }
        return Descriptor.adopt((int) fd);
    }

    /**
     * Sets a flag of an open file, or clears it, for all who share it. fcntl(F_SETFL).
     *
     * @param flag O_NONBLOCK, O_DIRECT or another that may change
     */
    public static void setFlag(int fd, int flag, boolean on) {
        long flags = Libc.syscall(SystemCall.FCNTL, fd, F_GETFL, 0, 0, 0, 0);
        if (flags < 0) {
            throw LinuxException.of("fcntl(" + fd + ", F_GETFL)", (int) -flags);
        }
        long wanted = on ? flags | flag : flags & ~flag;
        long result = Libc.syscall(SystemCall.FCNTL, fd, F_SETFL, wanted, 0, 0, 0);
        if (result < 0) {
            throw LinuxException.of("fcntl(" + fd + ", F_SETFL, " + wanted + ")", (int) -result);
        }
    }

    /** A pipe: what is written to [1] is read from [0]. Both are closed on exec. */
    public static Descriptor[] pipe() {
        long at = Libc.scratch();
        long result = Libc.syscall(SystemCall.PIPE2, at, O_CLOEXEC, 0, 0, 0, 0);
        if (result < 0) {
            throw LinuxException.of("pipe2(O_CLOEXEC)", (int) -result);
        }
        int read = Memory.all().get(JAVA_INT, at);
        int write = Memory.all().get(JAVA_INT, at + Integer.BYTES);
        return new Descriptor[] {Descriptor.adopt(read), Descriptor.adopt(write)};
    }

    /** read(2). Bytes read, 0 at the end, or a negated errno. */
    public static long read(int fd, long address, long bytes) {
        return Libc.restarted(SystemCall.READ, fd, address, bytes, 0, 0, 0);
    }

    /** write(2). Bytes written, or a negated errno. */
    public static long write(int fd, long address, long bytes) {
        return Libc.restarted(SystemCall.WRITE, fd, address, bytes, 0, 0, 0);
    }

    /** pread(2). Bytes read, 0 at the end, or a negated errno. */
    public static long pread(int fd, long address, long bytes, long offset) {
        return Libc.restarted(SystemCall.PREAD64, fd, address, bytes, offset, 0, 0);
    }

    /** pwrite(2). Bytes written, or a negated errno. */
    public static long pwrite(int fd, long address, long bytes, long offset) {
        return Libc.restarted(SystemCall.PWRITE64, fd, address, bytes, offset, 0, 0);
    }

    /** preadv(2). Bytes read, 0 at the end, or a negated errno. */
    public static long preadv(int fd, long iovecs, int n, long offset) {
        return Libc.restarted(SystemCall.PREADV, fd, iovecs, n, offset, 0, 0);
    }

    /**
     * pwritev2(2). Bytes written, or a negated errno.
     *
     * @param flags 0 or {@link #RWF_DSYNC}
     */
    public static long pwritev2(int fd, long iovecs, int n, long offset, int flags) {
        return Libc.restarted(SystemCall.PWRITEV2, fd, iovecs, n, offset, 0, flags);
    }

    /** fallocate(2). 0, or a negated errno. */
    public static int fallocate(int fd, int mode, long offset, long bytes) {
        return (int) Libc.restarted(SystemCall.FALLOCATE, fd, mode, offset, bytes, 0, 0);
    }

    /** fdatasync(2). 0, or a negated errno; after EIO, what was written may be lost. */
    public static int fdatasync(int fd) {
        return (int) Libc.restarted(SystemCall.FDATASYNC, fd, 0, 0, 0, 0, 0);
    }

    public static void ftruncate(int fd, long bytes) {
        long result = Libc.restarted(SystemCall.FTRUNCATE, fd, bytes, 0, 0, 0, 0);
        if (result < 0) {
            throw LinuxException.of("ftruncate(" + fd + ", " + bytes + ")", (int) -result);
        }
    }

    /** The size in bytes of a regular file or a memfd. */
    public static long size(int fd) {
        return Memory.all().get(JAVA_LONG, stat(fd) + STAT_SIZE);
    }

    /** The bytes of disk that a file takes: less than its size where it has holes. */
    public static long allocatedBytes(int fd) {
        return Memory.all().get(JAVA_LONG, stat(fd) + STAT_BLOCKS) * STAT_BLOCK_BYTES;
    }

    /** Address of a struct stat in scratch memory. */
    private static long stat(int fd) {
        long at = Libc.scratch();
        long result = Libc.syscall(SystemCall.FSTAT, fd, at, 0, 0, 0, 0);
        if (result < 0) {
            throw LinuxException.of("fstat(" + fd + ")", (int) -result);
        }
        return at;
    }

    /**
     * Makes {@code to} a copy of {@code from}, holes included: shared blocks where the file system
     * can, otherwise only the data. Moves the position of {@code from}.
     */
    public static void copySparse(int from, int to) {
        SparseCopy.copy(from, to);
    }

    /**
     * Where the next data of a sparse file begins, at {@code offset} or after it; the file's size
     * where there is none. Moves the file's position.
     */
    public static long nextData(int fd, long offset) {
        long size = size(fd);
        return offset >= size ? size : SparseCopy.seekData(fd, offset, size);
    }

    /** Where the data at {@code offset} ends: a hole's begin, or the file's size. */
    public static long nextHole(int fd, long offset) {
        return SparseCopy.seekHole(fd, offset);
    }

    /**
     * Takes the exclusive lock of a whole file, open for writing. It belongs to the open file, not
     * to the process (F_OFD_SETLK): it ends with the last duplicate of the descriptor, so also with
     * a killed process.
     *
     * @return false if another open file has it
     */
    public static boolean tryLock(int fd) {
        long result = lock(fd, F_OFD_SETLK);
        if (result == -Errno.EAGAIN || result == -Errno.EACCES) {
            return false;
        }
        if (result < 0) {
            throw LinuxException.of("fcntl(" + fd + ", F_OFD_SETLK, F_WRLCK)", (int) -result);
        }
        return true;
    }

    /** As {@link #tryLock}, waiting for as long as it takes. */
    public static void lock(int fd) {
        long result = lock(fd, F_OFD_SETLKW);
        if (result < 0) {
            throw LinuxException.of("fcntl(" + fd + ", F_OFD_SETLKW, F_WRLCK)", (int) -result);
        }
    }

    private static long lock(int fd, int command) {
        // struct flock: i16 type, i16 whence, pad, i64 start, i64 length, i32 pid (must be 0).
        long at = Libc.scratch();
        Memory.all()
                .asSlice(at, 32)
                .fill((byte) 0); // whence SEEK_SET, start 0, length 0: to the end
        Memory.all().set(JAVA_SHORT, at, (short) 1); // F_WRLCK
        return Libc.restarted(SystemCall.FCNTL, fd, command, at, 0, 0, 0);
    }

    private static String names(int flags) {
        var text =
                new StringBuilder(
                        switch (flags & ACCESS_MODE) {
                            case O_RDONLY -> "O_RDONLY";
                            case O_WRONLY -> "O_WRONLY";
                            default -> "O_RDWR";
                        });
        append(text, flags, O_CREAT, "O_CREAT");
        append(text, flags, O_EXCL, "O_EXCL");
        append(text, flags, O_TRUNC, "O_TRUNC");
        append(text, flags, O_APPEND, "O_APPEND");
        append(text, flags, O_NONBLOCK, "O_NONBLOCK");
        append(text, flags, O_DSYNC, "O_DSYNC");
        append(text, flags, O_DIRECT, "O_DIRECT");
        append(text, flags, O_DIRECTORY, "O_DIRECTORY");
        append(text, flags, O_NOFOLLOW, "O_NOFOLLOW");
        append(text, flags, O_NOATIME, "O_NOATIME");
        return text.toString();
    }

    private static void append(StringBuilder text, int flags, int flag, String name) {
        if ((flags & flag) != 0) {
            text.append('|').append(name);
        }
    }
}
