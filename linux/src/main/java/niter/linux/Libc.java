package niter.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The only class that links native symbols. Nearly everything goes through {@code syscall(2)} with
 * addresses as longs, so one constant handle serves all and no call allocates; what the C library
 * does better than the kernel (starting a process from a process with threads) is linked by name.
 */
@SuppressWarnings("restricted")
final class Libc {
    /** Bytes of scratch memory that each thread has for small results. */
    static final int SCRATCH_BYTES = 256;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = CALL_STATE.varHandle(PathElement.groupElement("errno"));

    // One per thread: a shared segment hands one thread another thread's errno.
    private static final ThreadLocal<Frame> FRAME = ThreadLocal.withInitial(Frame::new);

    // long syscall(long number, ...): variadic from argument 1. Unused arguments are ignored.
    private static final FunctionDescriptor SEVEN_LONGS =
            FunctionDescriptor.of(
                    JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                    JAVA_LONG);
    private static final MethodHandle SYSCALL =
            link(
                    "syscall",
                    SEVEN_LONGS,
                    Linker.Option.captureCallState("errno"),
                    Linker.Option.firstVariadicArg(1));
    private static final MethodHandle SYSCALL_WITHOUT_ERRNO =
            link("syscall", SEVEN_LONGS, Linker.Option.firstVariadicArg(1));

    // int posix_spawn(pid_t *, const char *, const file_actions *, const attr *, char *[], char
    // *[])
    private static final MethodHandle POSIX_SPAWN =
            link(
                    "posix_spawn",
                    FunctionDescriptor.of(
                            JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                            JAVA_LONG));
    private static final MethodHandle ACTIONS_INIT = one("posix_spawn_file_actions_init");
    private static final MethodHandle ACTIONS_DESTROY = one("posix_spawn_file_actions_destroy");
    private static final MethodHandle ACTIONS_DUP2 =
            link(
                    "posix_spawn_file_actions_adddup2",
                    FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT));
    private static final MethodHandle ACTIONS_CLOSE_FROM =
            link(
                    "posix_spawn_file_actions_addclosefrom_np",
                    FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT));
    private static final MethodHandle ATTRIBUTES_INIT = one("posix_spawnattr_init");
    private static final MethodHandle ATTRIBUTES_DESTROY = one("posix_spawnattr_destroy");
    private static final MethodHandle ATTRIBUTES_MASK = two("posix_spawnattr_setsigmask");
    private static final MethodHandle ATTRIBUTES_DEFAULT = two("posix_spawnattr_setsigdefault");
    private static final MethodHandle ATTRIBUTES_FLAGS =
            link(
                    "posix_spawnattr_setflags",
                    FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_SHORT));
    private static final MethodHandle ERRNO_NAME =
            link("strerrorname_np", FunctionDescriptor.of(ADDRESS, JAVA_INT));
    private static final MethodHandle ERRNO_TEXT =
            link("strerrordesc_np", FunctionDescriptor.of(ADDRESS, JAVA_INT));

    private Libc() {}

    /** The result, or the negated errno of this call on this thread. */
    static long syscall(long number, long a, long b, long c, long d, long e, long f) {
        MemorySegment state = FRAME.get().state;
        long result;
        try {
            result = (long) SYSCALL.invokeExact(state, number, a, b, c, d, e, f);
        } catch (Throwable t) {
            throw mismatch("syscall", t);
        }
        return result == -1 ? -(long) (int) ERRNO.get(state, 0L) : result;
    }

    /**
     * As {@link #syscall}, for data paths and only for calls that did nothing when they fail: to
     * learn why, it calls again. The linker slices the segment that takes errno at each call, and
     * whether the compiler makes that slice vanish depends on what else the process has run.
     */
    static long repeatable(long number, long a, long b, long c, long d, long e, long f) {
        long result;
        try {
            result = (long) SYSCALL_WITHOUT_ERRNO.invokeExact(number, a, b, c, d, e, f);
        } catch (Throwable t) {
            throw mismatch("syscall", t);
        }
        return result == -1 ? syscall(number, a, b, c, d, e, f) : result;
    }

    /** As {@link #syscall}, called again as long as a signal interrupts it. */
    static long restarted(long number, long a, long b, long c, long d, long e, long f) {
        long result;
        do {
            result = syscall(number, a, b, c, d, e, f);
        } while (result == -Errno.EINTR);
        return result;
    }

    /** Address of this thread's scratch memory, valid until the thread's next use of it. */
    static long scratch() {
        return FRAME.get().scratch;
    }

    /**
     * Zero, or an errno (not negated): this family of functions returns it instead of setting it.
     */
    static int posixSpawn(
            long pid, long path, long actions, long attributes, long argv, long environment) {
        try {
            return (int) POSIX_SPAWN.invokeExact(pid, path, actions, attributes, argv, environment);
        } catch (Throwable t) {
            throw mismatch("posix_spawn", t);
        }
    }

    static int actionsInit(long actions) {
        return call(ACTIONS_INIT, actions);
    }

    static int actionsDestroy(long actions) {
        return call(ACTIONS_DESTROY, actions);
    }

    static int actionsDup2(long actions, int source, int target) {
        try {
            return (int) ACTIONS_DUP2.invokeExact(actions, source, target);
        } catch (Throwable t) {
            throw mismatch("posix_spawn_file_actions_adddup2", t);
        }
    }

    static int actionsCloseFrom(long actions, int lowest) {
        try {
            return (int) ACTIONS_CLOSE_FROM.invokeExact(actions, lowest);
        } catch (Throwable t) {
            throw mismatch("posix_spawn_file_actions_addclosefrom_np", t);
        }
    }

    static int attributesInit(long attributes) {
        return call(ATTRIBUTES_INIT, attributes);
    }

    static int attributesDestroy(long attributes) {
        return call(ATTRIBUTES_DESTROY, attributes);
    }

    static int attributesMask(long attributes, long signals) {
        return call(ATTRIBUTES_MASK, attributes, signals);
    }

    static int attributesDefault(long attributes, long signals) {
        return call(ATTRIBUTES_DEFAULT, attributes, signals);
    }

    static int attributesFlags(long attributes, int flags) {
        try {
            return (int) ATTRIBUTES_FLAGS.invokeExact(attributes, (short) flags);
        } catch (Throwable t) {
            throw mismatch("posix_spawnattr_setflags", t);
        }
    }

    /** "ENOENT", or null for a number that the C library does not know. */
    static @Nullable String errnoName(int errno) {
        return text(ERRNO_NAME, errno);
    }

    /** "No such file or directory", or null for a number that the C library does not know. */
    static @Nullable String errnoText(int errno) {
        return text(ERRNO_TEXT, errno);
    }

    /**
     * A C string of {@code text}.
     *
     * @throws IllegalArgumentException if the text has a NUL, which would silently cut it off
     */
    static MemorySegment string(Arena arena, String text) {
        if (text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("NUL in " + text.replace("\0", "\\0"));
        }
        return arena.allocateFrom(text, StandardCharsets.UTF_8);
    }

    /** A NULL-terminated array of C strings. */
    static MemorySegment strings(Arena arena, List<String> texts) {
        MemorySegment array = arena.allocate(JAVA_LONG, texts.size() + 1L);
        for (int i = 0; i < texts.size(); i++) {
            array.setAtIndex(JAVA_LONG, i, string(arena, texts.get(i)).address());
        }
        return array;
    }

    private static int call(MethodHandle handle, long argument) {
        try {
            return (int) handle.invokeExact(argument);
        } catch (Throwable t) {
            throw mismatch(handle.toString(), t);
        }
    }

    private static int call(MethodHandle handle, long first, long second) {
        try {
            return (int) handle.invokeExact(first, second);
        } catch (Throwable t) {
            throw mismatch(handle.toString(), t);
        }
    }

    private static @Nullable String text(MethodHandle handle, int errno) {
        MemorySegment text;
        try {
            text = (MemorySegment) handle.invokeExact(errno);
        } catch (Throwable t) {
            throw mismatch(handle.toString(), t);
        }
        return text.address() == 0 ? null : text.reinterpret(SCRATCH_BYTES).getString(0);
    }

    private static AssertionError mismatch(String function, Throwable cause) {
        return new AssertionError("descriptor does not match " + function, cause); // our bug
    }

    private static MethodHandle one(String name) {
        return link(name, FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    }

    private static MethodHandle two(String name) {
        return link(name, FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    }

    private static MethodHandle link(
            String name, FunctionDescriptor descriptor, Linker.Option... options) {
        MemorySegment symbol =
                LINKER.defaultLookup()
                        .find(name)
                        .orElseThrow(
                                () -> new UnsatisfiedLinkError("the C library has no " + name));
        return LINKER.downcallHandle(symbol, descriptor, options);
    }

    /** What a thread needs to call: where errno goes, and some memory for small results. */
    private static final class Frame {
        private final MemorySegment state;
        private final MemorySegment memory; // keeps the scratch memory alive
        private final long scratch;

        Frame() {
            Arena arena = Arena.ofAuto();
            state = arena.allocate(CALL_STATE);
            memory = arena.allocate(SCRATCH_BYTES, Long.BYTES);
            scratch = memory.address();
        }
    }
}
