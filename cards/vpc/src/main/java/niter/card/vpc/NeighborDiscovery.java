package niter.card.vpc;

import java.lang.foreign.MemorySegment;
import niter.controller.control.Ipv6;
import niter.ena.Layers;

/**
 * Neighbor Discovery, RFC 4861, as the VPC's router and mapping service speak it: addresses come by
 * DHCPv6 (the M flag), no prefix is on the link, so everything goes by the router.
 */
final class NeighborDiscovery {
    static final int ROUTER_SOLICITATION = 133;
    static final int NEIGHBOR_SOLICITATION = 135;
    static final int LAST = 137; // a redirect

    /** What all of its packets have: none came through a router. */
    static final int HOPS = 255;

    static final Ipv6 ALL_NODES = new Ipv6(0xff02L << 48, 1);

    private static final int ROUTER_ADVERTISEMENT = 134;
    private static final int NEIGHBOR_ADVERTISEMENT = 136;
    private static final int AT = Wire.ETHERNET_BYTES + Wire.IPV6_BYTES;
    private static final int SUM_AT = 2;

    // Of a router's advertisement.
    private static final int CURRENT_HOPS = 64;
    private static final int MANAGED = 0x80;
    private static final int LIFETIME_SECONDS = 9000; // the most that there is

    // Of a neighbor's.
    private static final int ROUTER = 0x8000_0000;
    private static final int SOLICITED = 0x4000_0000;
    private static final int OVERRIDE = 0x2000_0000;

    // Options, in units of eight bytes.
    private static final int SOURCE_LINK_LAYER = 1;
    private static final int TARGET_LINK_LAYER = 2;
    private static final int MTU = 5;
    private static final int UNIT = 8;

    private NeighborDiscovery() {}

    /** Whether a link-layer address option says another address than the sender's own. */
    static boolean liesAboutItsMac(MemorySegment head, int headLength, int options, long mac) {
        int at = options;
        while (at + UNIT <= headLength) {
            int units = Wire.u8(head, at + 1);
            int type = Wire.u8(head, at);
            if ((type == SOURCE_LINK_LAYER || type == TARGET_LINK_LAYER)
                    && Wire.mac(head, at + 2) != mac) {
                return true;
            }
            if (units == 0) {
                return true; // no option is that short
            }
            at += units * UNIT;
        }
        return false;
    }

    /**
     * Writes a router's advertisement.
     *
     * @param destination who asked, or all nodes: nobody else hears it in any case
     * @return bytes of the frame
     */
    static int advertiseRouter(MemorySegment reply, Interface to, Ipv6 destination) {
        Wire.ethernet(reply, to.mac(), to.routerMac(), Layers.IPV6);
        Wire.u32(reply, AT, ROUTER_ADVERTISEMENT << 24);
        Wire.u32(reply, AT + 4, CURRENT_HOPS << 24 | MANAGED << 16 | LIFETIME_SECONDS);
        Wire.u64(reply, AT + 8, 0); // reachable time, retransmission: as the host likes
        linkLayer(reply, AT + 16, SOURCE_LINK_LAYER, to.routerMac());
        Wire.u32(reply, AT + 24, MTU << 24 | 1 << 16);
        Wire.u32(reply, AT + 28, Configurations.MTU);
        return Wire.ipv6(reply, to.routerIpv6(), destination, Layers.ICMPV6, HOPS, 32, SUM_AT);
    }

    /**
     * Writes the answer to who asks for a neighbor.
     *
     * @param asker the solicitation's source; unspecified where it checks that nobody has the
     *     address
     * @param mac the neighbor's
     * @return bytes of the frame
     */
    static int advertiseNeighbor(
            MemorySegment reply, Interface to, Ipv6 asker, Ipv6 target, long mac) {
        boolean unspecified = asker.equals(Ipv6.NONE);
        boolean router = target.equals(to.routerIpv6());
        Wire.ethernet(reply, to.mac(), to.routerMac(), Layers.IPV6);
        Wire.u32(reply, AT, NEIGHBOR_ADVERTISEMENT << 24);
        Wire.u32(reply, AT + 4, (router ? ROUTER : 0) | (unspecified ? 0 : SOLICITED) | OVERRIDE);
        Wire.u64(reply, AT + 8, target.high());
        Wire.u64(reply, AT + 16, target.low());
        linkLayer(reply, AT + 24, TARGET_LINK_LAYER, mac);
        Ipv6 destination = unspecified ? ALL_NODES : asker;
        return Wire.ipv6(reply, target, destination, Layers.ICMPV6, HOPS, 32, SUM_AT);
    }

    private static void linkLayer(MemorySegment reply, int at, int type, long mac) {
        Wire.u16(reply, at, type << 8 | 1);
        Wire.mac(reply, at + 2, mac);
    }
}
