package niter.ena;

/**
 * What an instance may send and receive. Its guest sees in {@code ethtool -S} (ENI statistics) how
 * many packets were shaped or dropped because they exceeded it, since the interface was made.
 *
 * <p>In the order of the ENI statistics, and of the function's segment: append only.
 */
public enum Allowance {
    /** bw_in_allowance_exceeded. */
    BANDWIDTH_IN,
    /** bw_out_allowance_exceeded. */
    BANDWIDTH_OUT,
    /** pps_allowance_exceeded. */
    PACKETS,
    /** conntrack_allowance_exceeded. */
    CONNTRACK,
    /** linklocal_allowance_exceeded. */
    LINK_LOCAL;

    static final int COUNT = 5;
}
