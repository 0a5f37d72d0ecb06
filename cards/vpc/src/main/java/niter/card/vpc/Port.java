package niter.card.vpc;

import niter.ena.Allowance;
import niter.ena.Frame;

/** Where an interface's guest gets its frames: the adapter, or a test. On the core's thread. */
interface Port {
    /** Gives it a frame, of which {@link #flush} tells it; false where it took none. */
    boolean receive(Frame frame);

    /** Tells it of the frames that it was given. */
    default void flush() {}

    /** Counts, for its guest to read, a packet that was dropped because of an allowance. */
    default void exceeded(Allowance allowance) {}

    /** The longest IP packet that its guest takes. */
    default int mtu() {
        return Configurations.MTU;
    }
}
