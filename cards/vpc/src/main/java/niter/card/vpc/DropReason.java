package niter.card.vpc;

/** Why a packet was dropped; each has a counter per interface. */
enum DropReason {
    /** Too short for its headers, or one of them makes no sense. */
    MALFORMED,
    /** The source is not the interface's own MAC address. */
    SPOOFED_MAC,
    /** The source is not the interface's own IP address, or from beside the card not theirs. */
    SPOOFED_ADDRESS,
    /** A protocol that a VPC does not carry, or IPv6 where the interface has none. */
    PROTOCOL,
    /** Broadcast or multicast, which no VPC carries. */
    BROADCAST,
    /** No security group of the sender allows it out. */
    GROUP_OUT,
    /** No security group of the receiver allows it in. */
    GROUP_IN,
    /** No route, or nobody has the address. */
    NO_ROUTE,
    /** The flow table has no room where this flow belongs. */
    FLOW_TABLE_FULL,
    /** Longer than the receiver or the next link takes, and it may not be or is not cut. */
    TOO_BIG,
    /** Part of a packet whose first part was not seen or not allowed. */
    FRAGMENT,
    /** Link-local services had 1,024 packets within the last second. */
    LINK_LOCAL_LIMIT,
    /** A link-local service that is not there, or a request that it does not answer. */
    SERVICE,
    /** The uplink is not there, or takes no more now. */
    UPLINK,
    /** The receiver has no driver, or no buffers. */
    RECEIVER,
    /** The interface has as many flows by the uplink as one may. */
    UPLINK_SHARE
}
