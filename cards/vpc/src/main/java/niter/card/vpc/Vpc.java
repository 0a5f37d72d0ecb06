package niter.card.vpc;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import niter.controller.control.Ipv4;
import niter.ena.Frame;
import niter.ena.Layers;
import org.jspecify.annotations.Nullable;

/**
 * The flow path: parse, flow table, rewrite, deliver. A subnet is routed, not bridged: the card
 * answers ARP, nothing that is sent to all reaches another guest. On the core's thread.
 */
final class Vpc {
    private static final Ipv4.Range LINK_LOCAL = Ipv4.Range.of("169.254.0.0/16");
    private static final Ipv4.Range MULTICAST = Ipv4.Range.of("224.0.0.0/4");
    private static final int EVERYBODY = -1;
    private static final long GROUP_MAC = 1L << 40;
    private static final int UPLINK_MTU = 1500; // as EC2's internet gateway
    private static final int TIME_SERVICE = 0xa9fe_a97b; // 169.254.169.123

    private final Judge judge;
    private final int flowCount;
    private final Outlets outlets;
    private final LongSupplier clock;
    private final Map<String, Attachment> attachments = new HashMap<>();
    private final Layers layers = new Layers();
    private final MemorySegment request = Arena.ofAuto().allocate(Dhcp.MAX_BYTES, 8);
    private final MemorySegment answer = Arena.ofAuto().allocate(Dhcp.MAX_BYTES, 8);
    private final Frame answerFrame = new Frame();
    private final Dhcp dhcp = new Dhcp(answer);
    private final Ipv6Router ipv6 = new Ipv6Router(this, answer);
    private final DropCounts uplinkDrops = new DropCounts();
    private @Nullable Configuration configuration;
    private AddressMap byAddress = AddressMap.of(List.of());

    /**
     * A VPC without interfaces.
     *
     * @param clock nanoseconds that go on over the processes of one boot
     * @param outlets where packets go that are for no interface
     */
    Vpc(FlowTable flows, int flowCount, LongSupplier clock, Outlets outlets) {
        judge = new Judge(flows, clock);
        this.flowCount = flowCount;
        this.clock = clock;
        this.outlets = outlets;
    }

    /** Where packets leave the card that are for no interface. */
    interface Outlets {
        /** To the process of the link-local services; false where it takes none now. */
        boolean toServices(Frame frame);

        /** To the uplink; false where it takes none now. */
        boolean toUplink(Frame frame);
    }

    int flows() {
        return flowCount;
    }

    /** An interface that is plugged in; null where it is not. */
    @Nullable Attachment attachment(String id) {
        return attachments.get(id);
    }

    /** Plugs an interface in; it has no rules until it is configured. */
    void attach(Attachment attachment) {
        attachments.put(attachment.config().id(), attachment);
        refresh();
    }

    /** Unplugs an interface for good: its flows end. */
    void detach(String id) {
        Attachment gone = attachments.remove(id);
        if (gone != null) {
            judge.forget(gone.config());
            refresh();
        }
    }

    /** Replaces the configuration. Flows that were allowed go on until they are idle, as on EC2. */
    void apply(Configuration next) {
        configuration = next;
        refresh();
    }

    private void refresh() {
        Configuration now = configuration;
        if (now != null) {
            for (Interface config : now.interfaces()) {
                Attachment attachment = attachments.get(config.id());
                if (attachment != null) {
                    attachment.apply(config, now);
                }
            }
        }
        byAddress = AddressMap.of(attachments.values());
    }

    /** A guest sent a frame. */
    void forward(Attachment from, Frame frame) {
        @Nullable DropReason dropped = decide(from, frame);
        if (dropped != null) {
            from.drop(dropped);
        }
    }

    private @Nullable DropReason decide(Attachment from, Frame frame) {
        MemorySegment head = frame.head();
        if (frame.headLength() < Wire.ETHERNET_BYTES) {
            return DropReason.MALFORMED;
        }
        if (Wire.mac(head, Wire.SOURCE_MAC) != from.config().mac()) {
            return DropReason.SPOOFED_MAC;
        }
        layers.parse(frame);
        return switch (layers.etherType()) {
            case Arp.TYPE -> arp(from, frame);
            case Layers.IPV4 -> ipv4(from, frame);
            case Layers.IPV6 -> ipv6.route(from, frame, layers);
            default -> DropReason.PROTOCOL;
        };
    }

    // ---- the mapping service

    private @Nullable DropReason arp(Attachment from, Frame frame) {
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
        reply(from, Arp.FRAME_BYTES);
        ipv6.refresh(from);
        return null;
    }

    private long macOf(Interface own, int target) {
        Configuration now = configuration;
        Attachment other = byAddress.get(target);
        if (other != null) {
            return other.config().mac();
        }
        boolean router =
                target == own.router()
                        || now != null && target == now.resolver()
                        || LINK_LOCAL.contains(target);
        return router ? own.routerMac() : 0;
    }

    /** Sends a guest what lies in the answer's memory; null, as it arrives or is counted. */
    @Nullable DropReason reply(Attachment to, int bytes) {
        answerFrame.wrap(answer, bytes).checksumVerified(true);
        to.deliver(answerFrame);
        return null;
    }

    // ---- IPv4

    private @Nullable DropReason ipv4(Attachment from, Frame frame) {
        MemorySegment head = frame.head();
        Interface own = from.config();
        int network = layers.network();
        if (layers.protocol() == Layers.NONE || layers.vlanTags() != 0) {
            return DropReason.MALFORMED;
        }
        int source = Wire.u32(head, network + 12);
        int destination = Wire.u32(head, network + 16);
        if (isDhcp(head, source, destination, own)) {
            return dhcp(from, frame);
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
        Configuration now = configuration;
        boolean resolver = now != null && destination == now.resolver();
        if (resolver || destination == own.router() || LINK_LOCAL.contains(destination)) {
            return service(from, frame, source, destination);
        }
        Attachment to = byAddress.get(destination);
        if (to == from) {
            return DropReason.NO_ROUTE;
        }
        if (to == null) {
            return outward(from, frame, destination);
        }
        return exchange(from, to, frame);
    }

    /** Time is told here; what parses guests' text is not even in the card. */
    private @Nullable DropReason service(
            Attachment from, Frame frame, int source, int destination) {
        if (!from.linkLocal(clock.getAsLong())) {
            return DropReason.LINK_LOCAL_LIMIT;
        }
        Interface own = from.config();
        if (source != own.address() || layers.isFragment()) {
            return DropReason.SERVICE;
        }
        if (destination != TIME_SERVICE) {
            return outlets.toServices(frame) ? null : DropReason.SERVICE;
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
        return length == 0 ? DropReason.SERVICE : reply(from, length);
    }

    /** By the internet gateway. */
    private @Nullable DropReason outward(Attachment from, Frame frame, int destination) {
        Configuration now = configuration;
        if (now == null) {
            return DropReason.NO_ROUTE;
        }
        if (Gateway.isCaller(now, from.config(), destination)) {
            return judge.isAnswer(frame, layers) ? leave(frame) : DropReason.NO_ROUTE;
        }
        if (!Gateway.carries(now, from.config(), destination)) {
            return DropReason.NO_ROUTE;
        }
        @Nullable DropReason refused = judge.judge(from, null, frame, layers);
        if (refused == null && frame.length() - Wire.ETHERNET_BYTES > UPLINK_MTU) {
            refused = tooBig(from, frame, UPLINK_MTU);
        }
        return refused != null ? refused : leave(frame);
    }

    private @Nullable DropReason leave(Frame frame) {
        return outlets.toUplink(frame) ? null : DropReason.UPLINK;
    }

    // ---- from beside the card

    /** The services answer an interface: from a service's address, to the interface's own. */
    void fromServices(Frame frame) {
        layers.parse(frame);
        MemorySegment head = frame.head();
        Configuration now = configuration;
        if (layers.etherType() != Layers.IPV4 || layers.protocol() == Layers.NONE || now == null) {
            return;
        }
        int source = Wire.u32(head, layers.network() + 12);
        Attachment to = byAddress.get(Wire.u32(head, layers.network() + 16));
        if (to == null
                || Wire.mac(head, 0) != to.config().mac()
                || source != now.resolver() && !LINK_LOCAL.contains(source)) {
            return;
        }
        to.deliver(frame);
    }

    /** The world sends a frame to whoever has a public address. */
    void fromUplink(Frame frame) {
        @Nullable DropReason dropped = inward(frame);
        if (dropped != null) {
            uplinkDrops.add(dropped);
        }
    }

    /** What came by the uplink and reached no interface. */
    DropCounts uplinkDrops() {
        return uplinkDrops;
    }

    private @Nullable DropReason inward(Frame frame) {
        MemorySegment head = frame.head();
        layers.parse(frame);
        Configuration now = configuration;
        if (layers.etherType() == Arp.TYPE && Arp.isWhole(head, frame.headLength())) {
            return asked(head);
        }
        if (layers.etherType() != Layers.IPV4) {
            return DropReason.PROTOCOL;
        }
        if (layers.protocol() == Layers.NONE) {
            return DropReason.MALFORMED;
        }
        Attachment to = byAddress.get(Wire.u32(head, layers.network() + 16));
        if (to == null || now == null || to.config().publicAddress() == 0) {
            return DropReason.NO_ROUTE;
        }
        if (Gateway.isForeign(now, Wire.u32(head, layers.network() + 12))) {
            return DropReason.SPOOFED_ADDRESS;
        }
        @Nullable DropReason refused = judge.judge(null, to, frame, layers);
        if (refused != null) {
            to.drop(refused);
            return null; // counted
        }
        Wire.mac(head, 0, to.config().mac());
        Wire.mac(head, Wire.SOURCE_MAC, to.config().routerMac());
        to.deliver(frame);
        return null;
    }

    /** The uplink asks where an interface is. */
    private @Nullable DropReason asked(MemorySegment head) {
        Attachment to = byAddress.get(Arp.target(head));
        if (Arp.operation(head) != Arp.REQUEST || to == null) {
            return DropReason.BROADCAST;
        }
        Arp.answer(head, answer, to.config().mac());
        answerFrame.wrap(answer, Arp.FRAME_BYTES);
        return outlets.toUplink(answerFrame) ? null : DropReason.UPLINK;
    }

    // ---- DHCP

    private boolean isDhcp(MemorySegment head, int source, int destination, Interface own) {
        return layers.protocol() == Layers.UDP
                && !layers.isFragment()
                && Wire.u16(head, layers.transport() + 2) == Dhcp.SERVER_PORT
                && (source == 0 || source == own.address())
                && (destination == EVERYBODY || destination == own.router());
    }

    private @Nullable DropReason dhcp(Attachment from, Frame frame) {
        Configuration now = configuration;
        int bytes = frame.length();
        if (now == null || bytes > Dhcp.MAX_BYTES || layers.transport() != 34) {
            return DropReason.SERVICE;
        }
        if (!from.linkLocal(clock.getAsLong())) {
            return DropReason.LINK_LOCAL_LIMIT;
        }
        frame.copy(0, request.address(), bytes);
        int length = dhcp.answer(request, bytes, from.config(), now);
        if (length == 0) {
            return DropReason.SERVICE;
        }
        reply(from, length);
        ipv6.refresh(from);
        return null;
    }

    // ---- between interfaces

    /** The interface that has an address of 128 bits; null for nobody. */
    @Nullable Attachment at(long high, long low) {
        return byAddress.get(high, low);
    }

    long nanos() {
        return clock.getAsLong();
    }

    /** From one interface to another, where both sides' groups allow it. */
    @Nullable DropReason exchange(Attachment from, Attachment to, Frame frame) {
        @Nullable DropReason refused = judge.judge(from, to, frame, layers);
        if (refused != null) {
            return refused;
        }
        if (frame.length() - Wire.ETHERNET_BYTES > to.mtu()) {
            tooBig(from, frame, to.mtu());
            return DropReason.TOO_BIG;
        }
        return deliver(from, to, frame);
    }

    /** Tells the sender; null where the packet may be cut on its way. */
    private @Nullable DropReason tooBig(Attachment from, Frame frame, int mtu) {
        int bytes = Icmp.tooBig(frame, layers, from.config(), mtu, answer);
        if (bytes == 0) {
            return null;
        }
        reply(from, bytes);
        return DropReason.TOO_BIG;
    }

    private static @Nullable DropReason deliver(Attachment from, Attachment to, Frame frame) {
        MemorySegment head = frame.head();
        boolean neighbour = from.config().subnet().equals(to.config().subnet());
        Wire.mac(head, 0, to.config().mac());
        Wire.mac(head, Wire.SOURCE_MAC, neighbour ? from.config().mac() : to.config().routerMac());
        to.deliver(frame);
        return null;
    }
}
