package niter.card.vpc;

import niter.ena.Layers;

/** How long EC2 tracks a flow after its last packet, as a Nitro instance's defaults are. */
final class IdleTimeouts {
    private static final long SECOND = 1_000_000_000L;
    private static final long TCP_ESTABLISHED = 432_000 * SECOND;
    private static final long TCP_OTHER = 60 * SECOND;
    private static final long UDP_STREAM = 180 * SECOND;
    private static final long OTHER = 30 * SECOND;

    private IdleTimeouts() {}

    /**
     * The time-out of a flow.
     *
     * @param established whether a TCP connection was answered and nobody ends it
     * @param stream whether more than one request was answered
     */
    static long nanos(int protocol, boolean established, boolean stream) {
        return switch (protocol) {
            case Layers.TCP -> established ? TCP_ESTABLISHED : TCP_OTHER;
            case Layers.UDP -> stream ? UDP_STREAM : OTHER;
            default -> OTHER;
        };
    }
}
