package niter.pcie;

/** What a function offers its {@link Device}. For the function's thread only. */
public interface Function {
    /** For log lines: "vol-0123456789abcdef0". */
    String id();

    FunctionState state();

    /** What the guest granted for DMA. */
    DmaMap dma();

    /** The PCI command register, as valid or staged. */
    int command();

    /** Whether the function may access memory and interrupt (command register, bit 2). */
    default boolean busMaster() {
        return (command() & 4) != 0;
    }

    /**
     * Fires an MSI-X vector: writes its eventfd, or sends its message, or latches it where there is
     * no way yet. Does nothing while bus mastering is off.
     */
    void interrupt(int vector);

    /**
     * Whether {@link Device#outOfService} was called for this client, be it by an earlier process.
     */
    default boolean isOutOfService() {
        return false;
    }

    /**
     * This function's code runs from now on, in the turn of another function or of none: a signal
     * that ends the process is its own.
     */
    void enter();

    /** The turn that {@link #enter} interrupted goes on. */
    void leave();

    /**
     * Names this function as the one whose code ends the process, where that ran in the turn of
     * another function, which is not to be blamed.
     *
     * @return what to throw
     */
    Error blame(Error e);

    /**
     * Ends this function and its client's connection, as an exception in its own turn does: its
     * code threw in the turn of another function, which goes on.
     */
    void fail(RuntimeException bug);

    /** Wakes the function's thread when the descriptor becomes readable. */
    void watch(int descriptor);

    /** One log line: the guest broke this function, what it did and what was expected. */
    void guestError(String what);
}
