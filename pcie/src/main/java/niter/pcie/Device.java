package niter.pcie;

/**
 * A device model behind a PCI function. Everything here runs on the function's own thread, and none
 * of it may block on I/O: a vCPU waits for the answer.
 *
 * <p>What a guest can see lives in the function's {@link FunctionState}, never in a field of the
 * device. Fields hold only what can be derived from it again, in {@link #attach}.
 */
public interface Device {
    /** What the function looks like to the guest. The same answer for the function's whole life. */
    FunctionShape shape();

    /**
     * Called once, before anything else.
     *
     * @param takenOver the state was left by a process that ended; queues are to be resumed, what
     *     was in flight issued again and every interrupt vector fired once after the first poll
     */
    void attach(Function function, boolean takenOver);

    /**
     * Called after {@link #attach} where this function has made its processes end: the guest is to
     * see that the device has failed, whatever it does, until its connection ends. Outside of a
     * transaction.
     *
     * @param reason for the log
     */
    default void outOfService(String reason) {}

    /**
     * Reads a register.
     *
     * @param offset from the start of the BAR, in bytes; MSI-X table and PBA never get here
     * @param length 1, 2, 4 or 8 bytes
     */
    long readBar(int bar, long offset, int length);

    /**
     * Writes a register. A transaction on the state is open: changes go to {@link
     * FunctionState#staged()} and become valid together with the reply.
     */
    void writeBar(int bar, long offset, int length, long value);

    /**
     * Stores a doorbell: a plain store to {@link FunctionState#live()} that may safely be repeated.
     * Called before {@link #writeBar}, outside of a transaction.
     *
     * @return false where the write is not a doorbell, and nothing was done
     */
    boolean storeDoorbell(int bar, long offset, int length, long value);

    /**
     * Back to the power-on state: DEVICE_RESET or FLR. A transaction is open. What was in flight is
     * forgotten; no DMA and no interrupt after this returns.
     */
    void reset();

    /**
     * The guest wrote the PCI command register (the new value is staged). A transaction is open.
     */
    void commandChanged(int command);

    /**
     * Waits until no access to guest memory is in flight; nothing is submitted before {@link
     * #dmaMapChanged}. Called outside of a transaction, before a DMA range is unmapped and before
     * {@link #reset}.
     */
    void quiesce();

    /** The DMA map is another one: addresses derived from it are to be resolved again. */
    void dmaMapChanged();

    /**
     * Does what there is to do, at most {@code budget} commands.
     *
     * @return the amount of work done; 0 when idle
     */
    int poll(int budget);

    /**
     * Arms whatever wakes this function (shadow doorbells' event index, say) before it sleeps.
     *
     * @return false where work turned up meanwhile: poll again instead of sleeping
     */
    boolean arm();

    /** Nanoseconds until poll must be called again without an event; Long.MAX_VALUE for never. */
    long nextDeadlineNanos();

    /**
     * The function's thread ends: wait for what is in flight, deliver nothing more, and release
     * what the device itself opened. The state stays as it is, a successor may go on with it.
     */
    void close();
}
