package niter.ena;

/** What lies behind an ENA function: takes the guest's frames. On the function's thread. */
public interface Network {
    /**
     * The guest sent a frame: its sums are in place, it is no longer than the MTU allows (segments
     * of a TSO packet come one by one).
     *
     * @param frame to be delivered or dropped before this returns; its head may be rewritten
     */
    void sent(Frame frame);

    /**
     * What was sent is to be with those who receive it when this returns. What is completed to the
     * guest before may be lost with the process. It follows each batch of frames, and where one of
     * them failed.
     */
    void flush();

    /**
     * Flows that may still begin, which the guest sees as conntrack_allowance_available. Packets
     * beyond an allowance are counted by {@link EnaController#exceeded}.
     */
    long conntrackAvailable();
}
