package niter.linux;

/**
 * A system call failed. The message names the call with its arguments and the error: {@code
 * open(/x, O_RDONLY): ENOENT (No such file or directory)}.
 */
public sealed class LinuxException extends RuntimeException
        permits Denied, Exhausted, DescriptorsLost {
    private final String call;
    private final int errno;

    LinuxException(String call, int errno) {
        this(call, errno, Errno.sentence(errno));
    }

    LinuxException(String call, int errno, String sentence) {
        super(call + ": " + Errno.name(errno) + " (" + sentence + ")");
        this.call = call;
        this.errno = errno;
    }

    /**
     * The exception that fits an error number.
     *
     * @param call name and arguments, {@code open(/x, O_RDONLY)}
     * @param errno positive
     */
    public static LinuxException of(String call, int errno) {
        return switch (errno) {
            case Errno.EPERM, Errno.EACCES -> new Denied(call, errno);
            case Errno.ENOMEM,
                    Errno.ENFILE,
                    Errno.EMFILE,
                    Errno.ENOSPC,
                    Errno.EDQUOT,
                    Errno.ENOBUFS ->
                    new Exhausted(call, errno);
            default -> new LinuxException(call, errno);
        };
    }

    /** Name and arguments of the call, {@code open(/x, O_RDONLY)}. */
    public String call() {
        return call;
    }

    /** The error number, one of {@link Errno}. */
    public int errno() {
        return errno;
    }
}
