package niter.card.vpc.services;

/** What tells connections apart. The MAC is part of it: two VPCs may use the same addresses. */
record TcpKey(long mac, int source, int sourcePort, int destination, int destinationPort) {
    static TcpKey of(Segment segment) {
        Packet packet = segment.packet();
        return new TcpKey(
                packet.from(),
                packet.source(),
                segment.sourcePort(),
                packet.destination(),
                segment.destinationPort());
    }
}
