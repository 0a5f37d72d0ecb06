package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Copies a file with its holes. */
final class SparseCopy {
    private static final long FICLONE = 0x4004_9409L; // _IOW(0x94, 9, int)
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final long MOST_AT_ONCE = 1L << 30;
    private static final long BUFFER_BYTES = 1L << 20;

    private SparseCopy() {}

    static void copy(int from, int to) {
        FileIo.ftruncate(to, 0); // what was there would shine through the holes
        if (clone(from, to)) {
            return;
        }
        long size = FileIo.size(from);
        FileIo.ftruncate(to, size);
        long position = 0;
        while (position < size) {
            long data = seek(from, position, SEEK_DATA, "SEEK_DATA");
            if (data == -Errno.ENXIO) {
                return; // only a hole is left
            }
            long hole = Math.min(seek(from, data, SEEK_HOLE, "SEEK_HOLE"), size);
            copyRange(from, to, data, hole);
            position = hole;
        }
    }

    private static boolean clone(int from, int to) {
        long result = Libc.restarted(SystemCall.IOCTL, to, FICLONE, from, 0, 0, 0);
        return switch ((int) -result) {
            case 0 -> true;
            // Not this file system, not these two, not this kernel: copy the data instead.
            case Errno.EOPNOTSUPP,
                    Errno.ENOTTY,
                    Errno.ENOSYS,
                    Errno.EXDEV,
                    Errno.EINVAL,
                    Errno.EPERM,
                    Errno.ETXTBSY ->
                    false;
            default ->
                    throw LinuxException.of(
                            "ioctl(" + to + ", FICLONE, " + from + ")", (int) -result);
        };
    }

    static long seekData(int fd, long offset, long size) {
        long data = seek(fd, offset, SEEK_DATA, "SEEK_DATA");
        return data == -Errno.ENXIO ? size : data;
    }

    static long seekHole(int fd, long offset) {
        long hole = seek(fd, offset, SEEK_HOLE, "SEEK_HOLE");
        return hole == -Errno.ENXIO ? FileIo.size(fd) : hole;
    }

    /** The position, or -ENXIO where no data follows. */
    private static long seek(int fd, long offset, int whence, String name) {
        long result = Libc.syscall(SystemCall.LSEEK, fd, offset, whence, 0, 0, 0);
        if (result < 0 && result != -Errno.ENXIO) {
            throw LinuxException.of(
                    "lseek(" + fd + ", " + offset + ", " + name + ")", (int) -result);
        }
        return result;
    }

    private static void copyRange(int from, int to, long begin, long end) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment offsets = arena.allocate(16, Long.BYTES);
            long in = offsets.address();
            long out = in + Long.BYTES;
            long position = begin;
            while (position < end) {
                offsets.setAtIndex(JAVA_LONG, 0, position);
                offsets.setAtIndex(JAVA_LONG, 1, position);
                long length = Math.min(end - position, MOST_AT_ONCE);
                long copied =
                        Libc.restarted(SystemCall.COPY_FILE_RANGE, from, in, to, out, length, 0);
                switch ((int) -Math.min(copied, 0)) {
                    case 0 -> position = advance(position, copied, from);
                    case Errno.EXDEV, Errno.EINVAL, Errno.ENOSYS, Errno.EOPNOTSUPP -> {
                        copyThroughMemory(arena, from, to, position, end);
                        return;
                    }
                    default ->
                            throw LinuxException.of(
                                    "copy_file_range(" + from + ", " + to + ", " + length + ")",
                                    (int) -copied);
                }
            }
        }
    }

    private static void copyThroughMemory(Arena arena, int from, int to, long begin, long end) {
        long buffer = arena.allocate(BUFFER_BYTES).address();
        long position = begin;
        while (position < end) {
            long length = Math.min(end - position, BUFFER_BYTES);
            long read = FileIo.pread(from, buffer, length, position);
            if (read < 0) {
                throw LinuxException.of(
                        "pread(" + from + ", " + length + ", " + position + ")", (int) -read);
            }
            long next = advance(position, read, from);
            for (long done = position; done < next; ) {
                long written = FileIo.pwrite(to, buffer + (done - position), next - done, done);
                if (written < 0) {
                    throw LinuxException.of(
                            "pwrite(" + to + ", " + (next - done) + ", " + done + ")",
                            (int) -written);
                }
                done += written;
            }
            position = next;
        }
    }

    private static long advance(long position, long bytes, int from) {
        if (bytes == 0) {
            throw LinuxException.of(
                    "read(" + from + "): the file shrank at " + position, Errno.EIO);
        }
        return position + bytes;
    }
}
