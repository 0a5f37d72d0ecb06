package niter.card.vpc;

import java.util.Set;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;

/**
 * A rule of a security group, as EC2's IpPermission. A rule allows; there are none that deny.
 *
 * @param protocol an IP protocol number, or {@link #ALL}
 * @param from first port, or ICMP type, -1 for all
 * @param to last port, or ICMP code, -1 for all
 * @param peer who the other side is
 */
record Rule(int protocol, int from, int to, Peer peer) {
    /** The other side of a flow. */
    sealed interface Peer {}

    /** Whoever has an address of a range. */
    record Addresses(Ipv4.Range range) implements Peer {}

    /** Whoever has an IPv6 address of a range. */
    record Addresses6(Ipv6.Range range) implements Peer {}

    /** Interfaces of a security group, by its id. */
    record Members(String group) implements Peer {}

    static final int ALL = -1;
    static final int ICMP = 1;
    static final int ICMPV6 = 58;
    private static final int TCP = 6;
    private static final int UDP = 17;

    Rule {
        boolean ports = protocol == TCP || protocol == UDP;
        if (ports && (from < 0 || to > 65_535 || from > to)) {
            throw new IllegalArgumentException(
                    "ports: expected 0 to 65535 in order, got " + from + " to " + to);
        }
        if ((protocol == ICMP || protocol == ICMPV6)
                && (from < -1 || from > 255 || to < -1 || to > 255)) {
            throw new IllegalArgumentException(
                    "ICMP: expected type and code of -1 to 255, got " + from + ", " + to);
        }
    }

    /**
     * Whether it allows a packet.
     *
     * @param port the destination port, or {@code type << 8 | code}
     * @param high the first half of the other side's address
     * @param low the second; IPv4 is mapped
     * @param otherGroups its groups, empty where it is none of ours
     */
    boolean allows(int packetProtocol, int port, long high, long low, Set<String> otherGroups) {
        if (protocol != ALL && protocol != packetProtocol) {
            return false;
        }
        boolean fits =
                switch (protocol) {
                    case TCP, UDP -> port >= from && port <= to;
                    case ICMP, ICMPV6 -> isIcmp(port);
                    default -> true;
                };
        return fits
                && switch (peer) {
                    case Addresses(Ipv4.Range range) ->
                            FlowKey.isMapped(high, low) && range.contains((int) low);
                    case Addresses6(Ipv6.Range range) ->
                            !FlowKey.isMapped(high, low) && range.contains(high, low);
                    case Members(String group) -> otherGroups.contains(group);
                };
    }

    /** Whether it is for everybody's address, of one family at least. */
    boolean isForAll() {
        return switch (peer) {
            case Addresses(Ipv4.Range range) -> range.bits() == 0;
            case Addresses6(Ipv6.Range range) -> range.bits() == 0;
            case Members _ -> false;
        };
    }

    /** Whether it allows all ports of a protocol. */
    boolean isForAllPorts(int packetProtocol) {
        return protocol == ALL || protocol == packetProtocol && from == 0 && to == 65_535;
    }

    private boolean isIcmp(int typeAndCode) {
        return (from == -1 || from == typeAndCode >>> 8)
                && (to == -1 || from == -1 || to == (typeAndCode & 0xff));
    }
}
