package niter.linux;

/** Something has run out (memory, descriptors, space): refuse what is new and keep running. */
public final class Exhausted extends LinuxException {
    Exhausted(String call, int errno) {
        super(call, errno);
    }
}
