package niter.card.vpc.services;

/** Why a frame was not looked at further. Counted, because nobody is told. */
enum DropReason {
    /** Not IPv4 over Ethernet II, or lengths that do not fit the frame. */
    MALFORMED,
    /** IPv4, TCP or UDP. */
    CHECKSUM,
    /** A piece of a packet: no client of these services has a reason to send one. */
    FRAGMENT,
    /** From an interface that nobody told about. */
    UNKNOWN_SOURCE,
    /** To an address or a port where nothing is served. */
    UNSERVED,
    /** There are as many as there may be. */
    LIMIT,
    /** The card does not take frames now, or there is no card. */
    NOT_SENT,
    /** Our own mistake: a guest that finds one must not end the services of others. */
    DEFECT
}
