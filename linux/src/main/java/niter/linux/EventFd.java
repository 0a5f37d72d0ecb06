package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/** Counters that wake: eventfd(2), non-blocking. Signalling and draining allocate nothing. */
public final class EventFd {
    private static final int EFD_CLOEXEC = 0x80000;
    private static final int EFD_NONBLOCK = 0x800;
    private static final MemorySegment ONE = Arena.global().allocateFrom(JAVA_LONG, 1L);

    private EventFd() {}

    /** A counter at zero. */
    public static Descriptor create() {
        long flags = EFD_CLOEXEC | EFD_NONBLOCK;
        long fd = Libc.syscall(SystemCall.EVENTFD2, 0, flags, 0, 0, 0, 0);
        if (fd < 0) {
            throw LinuxException.of("eventfd(0)", (int) -fd);
        }
        return Descriptor.adopt((int) fd);
    }

    /** Adds one. A counter at its limit stays there: its reader has enough to wake up for. */
    public static void signal(int fd) {
        long result = Libc.repeatable(SystemCall.WRITE, fd, ONE.address(), Long.BYTES, 0, 0, 0);
        if (result < 0 && result != -Errno.EAGAIN) {
            throw LinuxException.of("write(" + fd + ", eventfd)", (int) -result);
        }
    }

    /** Whether this is an eventfd, which no other file can look like. */
    public static boolean isEventFd(int fd) {
        try {
            String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
            return target.equals("anon_inode:[eventfd]");
        } catch (IOException e) {
            return false; // not open
        }
    }

    /**
     * As {@link #signal}, for a counter whose other owners are not to be trusted. A write waits
     * while the counter is at its limit and the open file is not O_NONBLOCK. Whoever shares that
     * file can have both so between any check and the write, and RWF_NOWAIT does not exist for
     * eventfds. So the kernel itself signals: it takes no notice of O_NONBLOCK and never waits. On
     * a kernel without AIO, or where fs.aio-max-nr is used up, it is a write after all.
     *
     * @throws LinuxException with EINVAL if this is no eventfd
     */
    public static void signalShared(int fd) {
        if (Aio.available() != 0) {
            signal(fd);
            return;
        }
        long result = Aio.signal(fd);
        if (result < 0) {
            throw LinuxException.of("io_submit(eventfd " + fd + ")", (int) -result);
        }
    }

    /** Takes everything: what was signalled since the last time, or 0. */
    public static long drain(int fd) {
        long scratch = Libc.scratch();
        long result = Libc.repeatable(SystemCall.READ, fd, scratch, Long.BYTES, 0, 0, 0);
        if (result == -Errno.EAGAIN) {
            return 0;
        }
        if (result < 0) {
            throw LinuxException.of("read(" + fd + ", eventfd)", (int) -result);
        }
        return Memory.all().get(JAVA_LONG, scratch);
    }
}
