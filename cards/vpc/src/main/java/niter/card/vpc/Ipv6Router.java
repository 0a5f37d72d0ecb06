package niter.card.vpc;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import niter.controller.control.Ipv6;
import niter.ena.Frame;
import niter.ena.Layers;
import org.jspecify.annotations.Nullable;

/**
 * IPv6 of a VPC: within it, interfaces reach each other as their groups allow; no route leads out.
 * What is on the link only, the router answers itself: neighbors, itself, and DHCPv6. On the core's
 * thread.
 */
final class Ipv6Router {
    private static final int HIGH_BITS = Long.SIZE;
    private static final long LINK_LOCAL = 0xfe80L << 48 >>> HIGH_BITS - 10; // fe80::/10
    private static final int MULTICAST = 0xff;
    private static final long ADVERTISED_AGAIN_NANOS = 300_000_000_000L;

    private final Vpc vpc;
    private final MemorySegment request = Arena.ofAuto().allocate(Dhcp.MAX_BYTES, 8);
    private final MemorySegment answer;
    private final Dhcp6 dhcp;

    /**
     * A router of a VPC.
     *
     * @param answer where answers are written that {@link Vpc#reply} then sends
     */
    Ipv6Router(Vpc vpc, MemorySegment answer) {
        this.vpc = vpc;
        this.answer = answer;
        dhcp = new Dhcp6(answer);
    }

    /** A guest sent a packet; null where it arrived. */
    @Nullable DropReason route(Attachment from, Frame frame, Layers layers) {
        MemorySegment head = frame.head();
        Interface own = from.config();
        if (!own.hasIpv6()) {
            return DropReason.PROTOCOL;
        }
        if (layers.protocol() == Layers.NONE || layers.vlanTags() != 0) {
            return DropReason.MALFORMED;
        }
        int network = layers.network();
        long sourceHigh = Wire.u64(head, network + 8);
        long sourceLow = Wire.u64(head, network + 16);
        long high = Wire.u64(head, network + 24);
        long low = Wire.u64(head, network + 32);
        if (isDiscovery(frame, layers)) {
            return discover(from, frame, layers, new Ipv6(sourceHigh, sourceLow));
        }
        boolean onLink = sourceHigh >>> HIGH_BITS - 10 == LINK_LOCAL;
        if (onLink && isDhcp(head, layers, own, high, low)) {
            return dhcp(from, frame, new Ipv6(sourceHigh, sourceLow));
        }
        if (high >>> HIGH_BITS - 8 == MULTICAST) {
            return DropReason.BROADCAST; // what reports groups to the router, too
        }
        if (own.checked() && (sourceHigh != own.ipv6().high() || sourceLow != own.ipv6().low())) {
            return DropReason.SPOOFED_ADDRESS;
        }
        Attachment to = FlowKey.isMapped(high, low) ? null : vpc.at(high, low);
        return to == null || to == from ? DropReason.NO_ROUTE : vpc.exchange(from, to, frame);
    }

    // ---- neighbors and the router

    private static boolean isDiscovery(Frame frame, Layers layers) {
        boolean header = !layers.isFragment() || layers.isFirstFragment(); // else it is content
        if (layers.protocol() != Layers.ICMPV6
                || !header
                || frame.headLength() <= layers.transport()) {
            return false;
        }
        int type = Wire.u8(frame.head(), layers.transport());
        return type >= NeighborDiscovery.ROUTER_SOLICITATION && type <= NeighborDiscovery.LAST;
    }

    private @Nullable DropReason discover(
            Attachment from, Frame frame, Layers layers, Ipv6 source) {
        MemorySegment head = frame.head();
        Interface own = from.config();
        int at = layers.transport();
        int type = Wire.u8(head, at);
        boolean neighbor = type == NeighborDiscovery.NEIGHBOR_SOLICITATION;
        int options = at + (neighbor ? 24 : 8);
        if (layers.isFragment()
                || Wire.u8(head, layers.network() + 7) != NeighborDiscovery.HOPS
                || Wire.u8(head, at + 1) != 0
                || frame.headLength() < options) {
            return DropReason.MALFORMED;
        }
        boolean mayAsk =
                source.equals(Ipv6.NONE)
                        || source.high() >>> HIGH_BITS - 10 == LINK_LOCAL
                        || source.equals(own.ipv6());
        if (own.checked() && !mayAsk) {
            return DropReason.SPOOFED_ADDRESS;
        }
        boolean asks = neighbor || type == NeighborDiscovery.ROUTER_SOLICITATION;
        if (!asks) {
            return DropReason.BROADCAST; // it tells others of itself, who ask us
        }
        if (NeighborDiscovery.liesAboutItsMac(head, frame.headLength(), options, own.mac())) {
            return DropReason.SPOOFED_MAC;
        }
        if (!neighbor) {
            return advertise(from, source.equals(Ipv6.NONE) ? NeighborDiscovery.ALL_NODES : source);
        }
        Ipv6 target = new Ipv6(Wire.u64(head, at + 8), Wire.u64(head, at + 16));
        long mac = macOf(from, target);
        if (mac == 0) {
            return target.equals(own.ipv6()) ? DropReason.BROADCAST : DropReason.NO_ROUTE;
        }
        int bytes = NeighborDiscovery.advertiseNeighbor(answer, own, source, target, mac);
        return vpc.reply(from, bytes);
    }

    /** Of whom a guest asks for: the router, or another interface; 0 for nobody. */
    private long macOf(Attachment from, Ipv6 target) {
        if (target.equals(from.config().routerIpv6())) {
            return from.config().routerMac();
        }
        boolean mapped = FlowKey.isMapped(target.high(), target.low());
        Attachment other = mapped ? null : vpc.at(target.high(), target.low());
        return other == null || other == from ? 0 : other.config().mac();
    }

    private @Nullable DropReason advertise(Attachment to, Ipv6 destination) {
        to.advertisedNanos(vpc.nanos());
        int bytes = NeighborDiscovery.advertiseRouter(answer, to.config(), destination);
        return vpc.reply(to, bytes);
    }

    /**
     * Advertises the router again where that was long ago. Whenever a guest was answered anything
     * is often enough: its lease makes it ask every half an hour.
     */
    void refresh(Attachment to) {
        if (to.config().hasIpv6() && vpc.nanos() - to.advertisedNanos() > ADVERTISED_AGAIN_NANOS) {
            advertise(to, NeighborDiscovery.ALL_NODES);
        }
    }

    // ---- DHCPv6

    private static boolean isDhcp(
            MemorySegment head, Layers layers, Interface own, long high, long low) {
        return layers.protocol() == Layers.UDP
                && layers.transport() == Dhcp6.AT - Wire.UDP_BYTES
                && Wire.u16(head, layers.transport() + 2) == Dhcp6.SERVER_PORT
                && (isAt(Dhcp6.SERVERS, high, low) || isAt(own.routerIpv6(), high, low));
    }

    private static boolean isAt(Ipv6 address, long high, long low) {
        return address.high() == high && address.low() == low;
    }

    private @Nullable DropReason dhcp(Attachment from, Frame frame, Ipv6 client) {
        int bytes = frame.length();
        if (bytes > Dhcp.MAX_BYTES) {
            return DropReason.SERVICE;
        }
        if (!from.linkLocal(vpc.nanos())) {
            return DropReason.LINK_LOCAL_LIMIT;
        }
        frame.copy(0, request.address(), bytes);
        int length = dhcp.answer(request, bytes, from.config(), client);
        return length == 0 ? DropReason.SERVICE : vpc.reply(from, length);
    }
}
