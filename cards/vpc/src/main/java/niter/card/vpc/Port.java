package niter.card.vpc;

import niter.ena.Frame;

/** Where an interface's guest gets its frames: the adapter, or a test. On the core's thread. */
interface Port {
    /** Gives it a frame; false where it took none. */
    boolean receive(Frame frame);

    /** The longest IP packet that its guest takes. */
    default int mtu() {
        return Configurations.MTU;
    }
}
