package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Processes: start, end, replace, name. Linux with the GNU C library, x86-64. */
public final class Processes {
    /**
     * How a process ended.
     *
     * @param exitStatus 0 to 255, or 0 if a signal ended it
     * @param signal that ended it, one of {@link Signals}, or 0 if it ended by itself
     */
    public record Ended(int pid, int exitStatus, int signal) {}

    /** In {@link #spawn}: this number is /dev/null. */
    public static final int DEV_NULL = -1;

    private static final long ACTIONS_BYTES = 80; // posix_spawn_file_actions_t
    private static final long ATTRIBUTES_BYTES = 336; // posix_spawnattr_t
    private static final long SIGNALS_BYTES = 128; // sigset_t
    private static final int POSIX_SPAWN_SETSIGDEF = 0x4;
    private static final int POSIX_SPAWN_SETSIGMASK = 0x8;
    private static final int POSIX_SPAWN_SETSID = 0x80;
    private static final int SIG_SETMASK = 2;
    private static final int KERNEL_SIGNALS_BYTES = 8;
    private static final int PR_SET_CHILD_SUBREAPER = 36;
    private static final int WNOHANG = 1;
    private static final int F_SETFD = 2;
    private static final long LAST_DESCRIPTOR = 0xffff_ffffL;
    private static final int CLOSE_RANGE_CLOEXEC = 4;

    private Processes() {}

    /**
     * Starts a program with default signal handlers and no signal blocked.
     *
     * @param executable its path; PATH is not searched
     * @param argv with the name of the program first
     * @param env entries {@code NAME=value}
     * @param inherit what become 0, 1, 2, … in the child; {@link #DEV_NULL} for /dev/null. Nothing
     *     else is inherited: the JDK opens files that stay open on exec
     * @param newSession whether it leads a session of its own, without a terminal
     * @return its pid
     */
    public static int spawn(
            String executable,
            List<String> argv,
            List<String> env,
            int[] inherit,
            boolean newSession) {
        List<Descriptor> sources = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            long actions = arena.allocate(ACTIONS_BYTES, Long.BYTES).address();
            long attributes = arena.allocate(ATTRIBUTES_BYTES, Long.BYTES).address();
            check(Libc.actionsInit(actions), "posix_spawn_file_actions_init()");
            check(Libc.attributesInit(attributes), "posix_spawnattr_init()");
            try {
                renumber(actions, inherit, sources);
                resetSignals(arena, attributes, newSession);
                MemorySegment pid = arena.allocate(JAVA_INT);
                int errno =
                        Libc.posixSpawn(
                                pid.address(),
                                Libc.string(arena, executable).address(),
                                actions,
                                attributes,
                                Libc.strings(arena, argv).address(),
                                Libc.strings(arena, env).address());
                check(errno, "posix_spawn(" + executable + ", " + argv + ")");
                return pid.get(JAVA_INT, 0);
            } finally {
                Libc.actionsDestroy(actions);
                Libc.attributesDestroy(attributes);
            }
        } finally {
            sources.forEach(Descriptor::close);
        }
    }

    /**
     * Copies every source above all targets first. So no dup2 in the child overwrites a source that
     * is still needed, and none is onto its own number, where CLOEXEC would stay set.
     */
    private static void renumber(long actions, int[] inherit, List<Descriptor> sources) {
        for (int target = 0; target < inherit.length; target++) {
            Descriptor source = above(inherit[target], inherit.length);
            sources.add(source);
            check(
                    Libc.actionsDup2(actions, source.number(), target),
                    "posix_spawn_file_actions_adddup2(" + source.number() + ", " + target + ")");
        }
        check(
                Libc.actionsCloseFrom(actions, inherit.length),
                "posix_spawn_file_actions_addclosefrom_np(" + inherit.length + ")");
    }

    private static Descriptor above(int fd, int lowest) {
        if (fd != DEV_NULL) {
            return Descriptor.duplicate(fd, lowest);
        }
        try (Descriptor opened = FileIo.open(Path.of("/dev/null"), FileIo.O_RDWR, 0)) {
            return Descriptor.duplicate(opened.number(), lowest);
        }
    }

    private static void resetSignals(Arena arena, long attributes, boolean newSession) {
        MemorySegment none = arena.allocate(SIGNALS_BYTES, Long.BYTES);
        MemorySegment all = arena.allocate(SIGNALS_BYTES, Long.BYTES).fill((byte) 0xff);
        int flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
        if (newSession) {
            flags |= POSIX_SPAWN_SETSID;
        }
        check(Libc.attributesMask(attributes, none.address()), "posix_spawnattr_setsigmask()");
        check(Libc.attributesDefault(attributes, all.address()), "posix_spawnattr_setsigdefault()");
        check(Libc.attributesFlags(attributes, flags), "posix_spawnattr_setflags(" + flags + ")");
    }

    /** A descriptor of a process: readable once it has ended, closed on exec. */
    public static Descriptor pidfd(int pid) {
        long fd = Libc.syscall(SystemCall.PIDFD_OPEN, pid, 0, 0, 0, 0, 0);
        if (fd < 0) {
            throw LinuxException.of("pidfd_open(" + pid + ")", (int) -fd);
        }
        return Descriptor.adopt((int) fd);
    }

    /**
     * What a process has open, shared with it and closed on exec. pidfd_getfd(2).
     *
     * @param number as that process knows it
     * @throws LinuxException where this process may not trace the other, or it has no such number
     */
    public static Descriptor share(int pid, int number) {
        try (Descriptor process = pidfd(pid)) {
            long fd = Libc.syscall(SystemCall.PIDFD_GETFD, process.number(), number, 0, 0, 0, 0);
            if (fd < 0) {
                throw LinuxException.of("pidfd_getfd(" + pid + ", " + number + ")", (int) -fd);
            }
            return Descriptor.adopt((int) fd);
        }
    }

    /** How a child ended, once; null while it runs. */
    public static @Nullable Ended reap(int pid) {
        if (pid <= 0) {
            throw new IllegalArgumentException("pid " + pid);
        }
        return waitFor(pid);
    }

    /** Any child that has ended and was not reaped yet; null if there is none. */
    public static @Nullable Ended reapAny() {
        return waitFor(-1);
    }

    private static @Nullable Ended waitFor(int pid) {
        long at = Libc.scratch();
        long result = Libc.restarted(SystemCall.WAIT4, pid, at, WNOHANG, 0, 0, 0);
        if (result == 0 || pid == -1 && result == -Errno.ECHILD) {
            return null;
        }
        if (result < 0) {
            throw LinuxException.of("wait4(" + pid + ", WNOHANG)", (int) -result);
        }
        int status = Memory.all().get(JAVA_INT, at);
        return new Ended((int) result, status >> 8 & 0xff, status & 0x7f);
    }

    /**
     * Sends a signal.
     *
     * @param pid of one process, 1 or more: groups and "everything" are refused
     * @return false if there is no such process
     */
    public static boolean kill(int pid, int signal) {
        if (pid <= 0) {
            throw new IllegalArgumentException("pid " + pid);
        }
        long result = Libc.syscall(SystemCall.KILL, pid, signal, 0, 0, 0, 0);
        if (result == -Errno.ESRCH) {
            return false;
        }
        if (result < 0) {
            throw LinuxException.of(
                    "kill(" + pid + ", " + Signals.name(signal) + ")", (int) -result);
        }
        return true;
    }

    /** From now on, descendants whose parent ends become our children, for us to reap. */
    public static void becomeSubreaper() {
        long result = Libc.syscall(SystemCall.PRCTL, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0, 0);
        if (result < 0) {
            throw LinuxException.of("prctl(PR_SET_CHILD_SUBREAPER, 1)", (int) -result);
        }
    }

    /** The name that ps shows for this process. The kernel keeps the first 15 bytes. */
    public static void setName(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        try {
            Files.write(Path.of("/proc/self/comm"), bytes); // the main thread's, whoever writes
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Becomes another program: same pid, all threads of this one end without a word, no shutdown
     * hook runs. Handlers go back to default by themselves; the mask would be inherited, so it is
     * cleared.
     *
     * @param executable its path; PATH is not searched
     * @param descriptors so many of the first stay open; all others are closed
     * @throws LinuxException if it did not happen: there is no return from success
     */
    public static void execve(
            String executable, List<String> argv, List<String> env, int descriptors) {
        try (Arena arena = Arena.ofConfined()) {
            keepOpenBelow(descriptors);
            long path = Libc.string(arena, executable).address();
            long arguments = Libc.strings(arena, argv).address();
            long environment = Libc.strings(arena, env).address();
            MemorySegment none = arena.allocate(JAVA_LONG);
            MemorySegment before = arena.allocate(JAVA_LONG);
            mask(none.address(), before.address());
            long result = Libc.syscall(SystemCall.EXECVE, path, arguments, environment, 0, 0, 0);
            mask(before.address(), 0);
            throw LinuxException.of("execve(" + executable + ", " + argv + ")", (int) -result);
        }
    }

    private static void keepOpenBelow(int descriptors) {
        long result =
                Libc.syscall(
                        SystemCall.CLOSE_RANGE,
                        descriptors,
                        LAST_DESCRIPTOR,
                        CLOSE_RANGE_CLOEXEC,
                        0,
                        0,
                        0);
        if (result < 0) {
            throw LinuxException.of(
                    "close_range(" + descriptors + ", ~0, CLOSE_RANGE_CLOEXEC)", (int) -result);
        }
        for (int fd = 0; fd < descriptors; fd++) {
            result = Libc.syscall(SystemCall.FCNTL, fd, F_SETFD, 0, 0, 0, 0);
            if (result < 0) {
                throw LinuxException.of("fcntl(" + fd + ", F_SETFD, 0)", (int) -result);
            }
        }
    }

    private static void mask(long signals, long before) {
        long result =
                Libc.syscall(
                        SystemCall.RT_SIGPROCMASK,
                        SIG_SETMASK,
                        signals,
                        before,
                        KERNEL_SIGNALS_BYTES,
                        0,
                        0);
        if (result < 0) {
            throw LinuxException.of("rt_sigprocmask(SIG_SETMASK)", (int) -result);
        }
    }

    private static void check(int errno, String call) {
        if (errno != 0) {
            throw LinuxException.of(call, errno);
        }
    }
}
