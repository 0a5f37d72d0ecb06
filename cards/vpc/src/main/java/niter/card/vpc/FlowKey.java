package niter.card.vpc;

/** What a packet's flow is known by. One object that is filled for each packet. */
final class FlowKey {
    private static final long MAPPED = 0xffff_0000_0000L; // ::ffff:0:0/96

    long sourceHigh;
    long sourceLow;
    long destinationHigh;
    long destinationLow;
    int protocol;
    int sourcePort;
    int destinationPort;

    /** An IPv4 packet's; ports are 0 where the protocol has none. */
    FlowKey set(int source, int destination, int protocol, int sourcePort, int destinationPort) {
        sourceHigh = 0;
        sourceLow = mapped(source);
        destinationHigh = 0;
        destinationLow = mapped(destination);
        this.protocol = protocol;
        this.sourcePort = sourcePort;
        this.destinationPort = destinationPort;
        return this;
    }

    /** The low half of an IPv4 address as one of 128 bits. */
    static long mapped(int address) {
        return MAPPED | address & 0xffff_ffffL;
    }

    int ports() {
        return sourcePort << 16 | destinationPort;
    }
}
