package niter.card.vpc;

import niter.controller.control.Ipv4;

/**
 * A route of the VPC's table, beside the local one.
 *
 * @param destination the longest one that contains an address wins
 */
record Route(Ipv4.Range destination, Target target) {
    /** Where packets go. */
    enum Target {
        /** Nowhere: they are dropped. */
        BLACKHOLE,
        /** Out by the uplink, for interfaces with a public address. */
        INTERNET_GATEWAY
    }
}
