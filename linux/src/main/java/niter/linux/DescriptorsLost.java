package niter.linux;

/**
 * The kernel dropped descriptors of a message (MSG_CTRUNC): there was no room for them, or this
 * process has no numbers left. What they were is not known any more, so the connection is of no
 * use.
 */
public final class DescriptorsLost extends LinuxException {
    DescriptorsLost(String call) {
        super(call, Errno.EMSGSIZE, "MSG_CTRUNC: descriptors were lost");
    }
}
