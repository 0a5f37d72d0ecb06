package niter.card.vpc.services;

/** What answers at a port. */
interface TcpService {
    /**
     * A peer has completed the handshake. Called by the loop, so it must return at once.
     *
     * @param peer who it is
     * @param stream to it and from it
     */
    ByteStream.Application open(TcpKey peer, ByteStream stream);
}
