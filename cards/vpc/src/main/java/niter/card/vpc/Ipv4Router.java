package niter.card.vpc;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import niter.controller.control.Ipv4;
import niter.ena.Frame;
import niter.ena.Layers;
import org.jspecify.annotations.Nullable;

/**
 * IPv4 of a VPC: between interfaces, to the link-local services, out by the internet gateway; and
 * the mapping service, which answers ARP. On the core's thread.
 */
final class Ipv4Router {
    private static final Ipv4.Range LINK_LOCAL = Ipv4.Range.of("169.254.0.0/16");
    private static final Ipv4.Range MULTICAST = Ipv4.Range.of("224.0.0.0/4");
    private static final int EVERYBODY = -1;
    private static final long GROUP_MAC = 1L << 40;
    private static final int UPLINK_MTU = 1500; // as EC2's internet gateway
    private static final int TIME_SERVICE = 0xa9fe_a97b; // 169.254.169.123

    private final Vpc vpc;
    private final Judge judge;
    private final MemorySegment request = Arena.ofAuto().allocate(Dhcp.MAX_BYTES, 8);
    private final MemorySegment answer;
    private final Dhcp dhcp;

    /**
     * A router of a VPC.
     *
     * @param answer where answers are written that {@link Vpc#reply} then sends
     */
    Ipv4Router(Vpc vpc, Judge judge, MemorySegment answer) {
        this.vpc = vpc;
        this.judge = judge;
        this.answer = answer;
        dhcp = new Dhcp(answer);
    }

    /** Whether an address is one that no route leads to. */
    static boolean isLinkLocal(int address) {
        return LINK_LOCAL.contains(address);
    }

    // ---- the mapping service

    /** A guest asks where somebody is; null where it was told. */
    @Nullable DropReason arp(Attachment from, Frame frame, Layers layers) {
        MemorySegment head = frame.head();
        Interface own = from.config();
        if (layers.vlanTags() != 0 || !Arp.isWhole(head, frame.headLength())) {
            return DropReason.MALFORMED;
        }
        if (Arp.senderMac(head) != own.mac()) {
            return DropReason.SPOOFED_MAC;
        }
        int sender = Arp.sender(head);
        if (sender != own.address() && sender != 0) {
            return DropReason.SPOOFED_ADDRESS;
        }
        int target = Arp.target(head);
        if (Arp.operation(head) != Arp.REQUEST || target == own.address()) {
            return DropReason.BROADCAST; // it tells others of itself, who ask us
        }
        long mac = macOf(own, target);
        if (mac == 0) {
            return DropReason.NO_ROUTE;
        }
        Arp.answer(head, answer, mac);
        return vpc.reply(from, Arp.FRAME_BYTES);
    }

    private long macOf(Interface own, int target) {
        @Nullable Configuration now = vpc.configuration();
        Attachment other = vpc.at(target);
        if (other != null) {
            return other.config().mac();
        }
        boolean router =
                target == own.router()
                        || now != null && target == now.resolver()
                        || LINK_LOCAL.contains(target);
        return router ? own.routerMac() : 0;
    }

    // ---- IPv4

    /** A guest sent a packet; null where it went on. */
    @Nullable DropReason route(Attachment from, Frame frame, Layers layers) {
        MemorySegment head = frame.head();
        Interface own = from.config();
        int network = layers.network();
        if (layers.protocol() == Layers.NONE || layers.vlanTags() != 0) {
            return DropReason.MALFORMED;
        }
        int source = Wire.u32(head, network + 12);
        int destination = Wire.u32(head, network + 16);
        if (isDhcp(head, layers, own, source, destination)) {
            return dhcp(from, frame, layers);
        }
        if (own.checked() && source != own.address()) {
            return DropReason.SPOOFED_ADDRESS;
        }
        if ((Wire.mac(head, 0) & GROUP_MAC) != 0
                || destination == EVERYBODY
                || destination == own.subnet().last()
                || MULTICAST.contains(destination)) {
            return DropReason.BROADCAST;
        }
        @Nullable Configuration now = vpc.configuration();
        boolean resolver = now != null && destination == now.resolver();
        if (resolver || destination == own.router() || LINK_LOCAL.contains(destination)) {
            return service(from, frame, layers, destination);
        }
        Attachment to = vpc.at(destination);
        if (to == from) {
            return DropReason.NO_ROUTE;
        }
        if (to == null) {
            return outward(from, frame, layers, destination);
        }
        return vpc.exchange(from, to, frame);
    }

    /** Time is told here; what parses guests' text is not even in the card. */
    private @Nullable DropReason service(
            Attachment from, Frame frame, Layers layers, int destination) {
        if (!from.linkLocal(vpc.nanos())) {
            return DropReason.LINK_LOCAL_LIMIT;
        }
        Interface own = from.config();
        int source = Wire.u32(frame.head(), layers.network() + 12);
        if (source != own.address() || layers.isFragment()) {
            return DropReason.SERVICE;
        }
        if (destination != TIME_SERVICE) {
            return vpc.outlets().toServices(frame) ? null : DropReason.SERVICE;
        }
        int bytes = frame.length();
        boolean asked =
                layers.protocol() == Layers.UDP
                        && Wire.u16(frame.head(), layers.transport() + 2) == Ntp.PORT
                        && layers.transport() == Wire.ETHERNET_BYTES + Wire.IPV4_BYTES
                        && bytes <= Dhcp.MAX_BYTES;
        if (!asked) {
            return DropReason.SERVICE;
        }
        frame.copy(0, request.address(), bytes);
        int length = Ntp.answer(request, bytes, answer, own.routerMac(), Instant.now());
        return length == 0 ? DropReason.SERVICE : vpc.reply(from, length);
    }

    /** By the internet gateway. */
    private @Nullable DropReason outward(
            Attachment from, Frame frame, Layers layers, int destination) {
        @Nullable Configuration now = vpc.configuration();
        if (now == null) {
            return DropReason.NO_ROUTE;
        }
        @Nullable DropReason refused;
        if (Gateway.isCaller(now, from.config(), destination)) {
            refused = judge.isAnswer(frame, layers) ? null : DropReason.NO_ROUTE;
        } else if (Gateway.carries(now, from.config(), destination)) {
            refused = judge.judge(from, null, frame, layers);
        } else {
            refused = DropReason.NO_ROUTE;
        }
        if (refused == null && frame.length() - Wire.ETHERNET_BYTES > UPLINK_MTU) {
            refused = vpc.tooBig(from, frame, UPLINK_MTU);
        }
        return refused != null ? refused : vpc.leave(frame);
    }

    // ---- DHCP

    private static boolean isDhcp(
            MemorySegment head, Layers layers, Interface own, int source, int destination) {
        return layers.protocol() == Layers.UDP
                && !layers.isFragment()
                && Wire.u16(head, layers.transport() + 2) == Dhcp.SERVER_PORT
                && (source == 0 || source == own.address())
                && (destination == EVERYBODY || destination == own.router());
    }

    private @Nullable DropReason dhcp(Attachment from, Frame frame, Layers layers) {
        @Nullable Configuration now = vpc.configuration();
        int bytes = frame.length();
        if (now == null || bytes > Dhcp.MAX_BYTES || layers.transport() != 34) {
            return DropReason.SERVICE;
        }
        if (!from.linkLocal(vpc.nanos())) {
            return DropReason.LINK_LOCAL_LIMIT;
        }
        frame.copy(0, request.address(), bytes);
        int length = dhcp.answer(request, bytes, from.config(), now);
        return length == 0 ? DropReason.SERVICE : vpc.reply(from, length);
    }
}
