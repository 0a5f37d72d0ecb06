package niter.card.vpc.services;

/** The Internet checksum, RFC 1071. */
final class Checksum {
    private Checksum() {}

    /**
     * What belongs into the field, which is zero meanwhile; 0 where it is filled in and right.
     *
     * @param start a sum to add to, {@link #pseudo} say
     */
    static int of(byte[] bytes, int at, int length, long start) {
        long sum = start;
        int end = at + (length & ~1);
        for (int i = at; i < end; i += 2) {
            sum += Packet.u16(bytes, i);
        }
        if ((length & 1) != 0) {
            sum += (bytes[end] & 0xff) << 8;
        }
        while (sum >>> 16 != 0) {
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return (int) ~sum & 0xffff;
    }

    /** The sum of a pseudo header, RFC 9293, section 3.1. */
    static long pseudo(int source, int destination, int protocol, int length) {
        return (source >>> 16)
                + (source & 0xffff)
                + (long) (destination >>> 16)
                + (destination & 0xffff)
                + protocol
                + length;
    }
}
