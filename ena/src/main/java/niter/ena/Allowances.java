package niter.ena;

/**
 * Packets shaped or dropped because an allowance was exceeded, as the guest sees them in {@code
 * ethtool -S} (ENI statistics). Counters since the interface was made; read on the function's
 * thread.
 */
public interface Allowances {
    /** bw_in_allowance_exceeded. */
    long bandwidthIn();

    /** bw_out_allowance_exceeded. */
    long bandwidthOut();

    /** pps_allowance_exceeded. */
    long packets();

    /** conntrack_allowance_exceeded. */
    long conntrack();

    /** linklocal_allowance_exceeded. */
    long linkLocal();

    /** conntrack_allowance_available. */
    long conntrackAvailable();
}
