package niter.linux;

import java.util.concurrent.atomic.AtomicInteger;

/** A file descriptor that this object owns. Safe for use by several threads. */
public final class Descriptor implements AutoCloseable {
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int FIRST_FREE = 3; // 0 to 2 keep their usual meaning
    private static final int CLOSED = -1;

    private final AtomicInteger number;

    private Descriptor(int number) {
        this.number = new AtomicInteger(number);
    }

    /** Takes over an open descriptor; the caller must not close it any more. */
    public static Descriptor adopt(int number) {
        if (number < 0) {
            throw new IllegalArgumentException("not a descriptor: " + number);
        }
        return new Descriptor(number);
    }

    /**
     * The number, for system calls.
     *
     * @throws IllegalStateException if it is closed: the number may be another file's by now
     */
    public int number() {
        int open = number.get();
        if (open == CLOSED) {
            throw new IllegalStateException("descriptor is closed");
        }
        return open;
    }

    /** Another descriptor of the same open file, closed on exec. */
    public Descriptor duplicate() {
        return duplicate(number(), FIRST_FREE);
    }

    static Descriptor duplicate(int fd, int lowest) {
        long copy = Libc.syscall(SystemCall.FCNTL, fd, F_DUPFD_CLOEXEC, lowest, 0, 0, 0);
        if (copy < 0) {
            throw LinuxException.of(
                    "fcntl(" + fd + ", F_DUPFD_CLOEXEC, " + lowest + ")", (int) -copy);
        }
        return adopt((int) copy);
    }

    /**
     * Makes a number, 2 for standard error say, mean this open file too, whatever it meant before;
     * it is inherited on exec.
     */
    public void duplicateTo(int target) {
        int open = number();
        long result = Libc.restarted(SystemCall.DUP3, open, target, 0, 0, 0, 0);
        if (result < 0) {
            throw LinuxException.of("dup3(" + open + ", " + target + ", 0)", (int) -result);
        }
    }

    /** Closes it; more calls do nothing. */
    @Override
    public void close() {
        int open = number.getAndSet(CLOSED);
        if (open != CLOSED) {
            close(open);
        }
    }

    /** Never repeated and never failing: whatever close(2) says, Linux has freed the number. */
    static void close(int fd) {
        Libc.syscall(SystemCall.CLOSE, fd, 0, 0, 0, 0, 0);
    }

    @Override
    public String toString() {
        int open = number.get();
        return open == CLOSED ? "closed descriptor" : "descriptor " + open;
    }
}
