package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Waits for descriptors to become readable, level-triggered. One thread waits, any thread may add
 * and remove. Errors and hang-ups are reported as readable: the read that follows tells which.
 */
public final class Epoll implements AutoCloseable {
    /** The most tokens that one wait delivers; the rest comes with the next. */
    public static final int MAX_EVENTS = 64;

    private static final int EPOLL_CLOEXEC = 0x80000;
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLLIN = 0x1;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    // struct epoll_event is packed on x86-64: u32 events, u64 data.
    private static final long EVENT_BYTES = 12;
    private static final long DATA = 4;

    private final Descriptor descriptor;
    private final MemorySegment events =
            Arena.ofAuto().allocate(EVENT_BYTES * MAX_EVENTS, Long.BYTES);

    public Epoll() {
        long fd = Libc.syscall(SystemCall.EPOLL_CREATE1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0);
        if (fd < 0) {
            throw LinuxException.of("epoll_create1(EPOLL_CLOEXEC)", (int) -fd);
        }
        descriptor = Descriptor.adopt((int) fd);
    }

    /** Watches a descriptor; {@link #await} delivers the token while it is readable. */
    public void add(int fd, long token) {
        long event = Libc.scratch();
        Memory.all().set(JAVA_INT_UNALIGNED, event, EPOLLIN);
        Memory.all().set(JAVA_LONG_UNALIGNED, event + DATA, token);
        control(EPOLL_CTL_ADD, "EPOLL_CTL_ADD", fd, event);
    }

    /** Watches it no longer. */
    public void remove(int fd) {
        control(EPOLL_CTL_DEL, "EPOLL_CTL_DEL", fd, 0);
    }

    private void control(int operation, String name, int fd, long event) {
        int self = descriptor.number();
        long result = Libc.syscall(SystemCall.EPOLL_CTL, self, operation, fd, event, 0, 0);
        if (result < 0) {
            throw LinuxException.of(
                    "epoll_ctl(" + self + ", " + name + ", " + fd + ")", (int) -result);
        }
    }

    /**
     * Waits; call it on a platform thread.
     *
     * @param timeoutMillis 0 to look only, -1 for as long as it takes
     * @param tokens receives what is readable
     * @return how many tokens; 0 after the time or an interruption by a signal
     */
    public int await(long timeoutMillis, long[] tokens) {
        int self = descriptor.number();
        long most = Math.min(tokens.length, MAX_EVENTS);
        long millis = Math.min(timeoutMillis, Integer.MAX_VALUE);
        long count =
                Libc.repeatable(SystemCall.EPOLL_WAIT, self, events.address(), most, millis, 0, 0);
        return delivered(count, "epoll_wait", most, millis, tokens);
    }

    /**
     * As {@link #await}, with a limit in nanoseconds (epoll_pwait2, Linux 5.11).
     *
     * @param timeoutNanos 0 to look only, Long.MAX_VALUE for as long as it takes
     */
    public int awaitNanos(long timeoutNanos, long[] tokens) {
        if (timeoutNanos == Long.MAX_VALUE) {
            return await(-1, tokens);
        }
        int self = descriptor.number();
        long most = Math.min(tokens.length, MAX_EVENTS);
        long time = Libc.scratch(); // struct timespec
        Memory.all().set(JAVA_LONG_UNALIGNED, time, timeoutNanos / NANOS_PER_SECOND);
        Memory.all().set(JAVA_LONG_UNALIGNED, time + 8, timeoutNanos % NANOS_PER_SECOND);
        long count =
                Libc.repeatable(SystemCall.EPOLL_PWAIT2, self, events.address(), most, time, 0, 0);
        return delivered(count, "epoll_pwait2", most, timeoutNanos, tokens);
    }

    private int delivered(long count, String call, long most, long timeout, long[] tokens) {
        if (count == -Errno.EINTR) {
            return 0;
        }
        if (count < 0) {
            throw LinuxException.of(
                    call + "(" + descriptor.number() + ", " + most + ", " + timeout + ")",
                    (int) -count);
        }
        for (int i = 0; i < count; i++) {
            tokens[i] = events.get(JAVA_LONG_UNALIGNED, i * EVENT_BYTES + DATA);
        }
        return (int) count;
    }

    /** The descriptor, readable while something it watches is. */
    public Descriptor descriptor() {
        return descriptor;
    }

    @Override
    public void close() {
        descriptor.close();
    }
}
