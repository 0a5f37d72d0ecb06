package niter.linux;

/** The system refuses (EPERM, EACCES): the operator must grant it, or we do without. */
public final class Denied extends LinuxException {
    Denied(String call, int errno) {
        super(call, errno);
    }
}
