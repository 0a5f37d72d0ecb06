package niter.card.vpc;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
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
    private static final int NO_ECHO = 0xffff; // no message's type
    private static final long GROUP_MAC = 1L << 40;
    private static final int DESTINATION_UNREACHABLE = 3;
    private static final int TIME_EXCEEDED = 11;
    private static final int PARAMETER_PROBLEM = 12;

    private final FlowTable flows;
    private final int flowCount;
    private final LongSupplier clock;
    private final Map<String, Attachment> attachments = new HashMap<>();
    private final Layers layers = new Layers();
    private final FlowKey key = new FlowKey();
    private final Fragments fragments = new Fragments();
    private final MemorySegment request = Arena.ofAuto().allocate(Dhcp.MAX_BYTES, 8);
    private final MemorySegment answer = Arena.ofAuto().allocate(Dhcp.MAX_BYTES, 8);
    private final Frame answerFrame = new Frame();
    private final Dhcp dhcp = new Dhcp(answer);
    private @Nullable Configuration configuration;
    private AddressMap byAddress = AddressMap.of(List.of());

    /**
     * A VPC without interfaces.
     *
     * @param clock nanoseconds that go on over the processes of one boot
     */
    Vpc(FlowTable flows, int flowCount, LongSupplier clock) {
        this.flows = flows;
        this.flowCount = flowCount;
        this.clock = clock;
    }

    int flows() {
        return flowCount;
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
            flows.forget(gone.config().address());
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
        return reply(from, Arp.FRAME_BYTES);
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

    private @Nullable DropReason reply(Attachment to, int bytes) {
        answerFrame.wrap(answer, bytes).checksumVerified(true);
        return to.port().receive(answerFrame) ? null : DropReason.RECEIVER;
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
            return service(from);
        }
        Attachment to = byAddress.get(destination);
        if (to == null || to == from) {
            return DropReason.NO_ROUTE;
        }
        @Nullable DropReason refused = judge(from, to, head, source, destination);
        return refused != null ? refused : deliver(from, to, frame);
    }

    /** Services that live elsewhere than in the card are not there yet. */
    private @Nullable DropReason service(Attachment from) {
        return from.linkLocal(clock.getAsLong()) ? DropReason.SERVICE : DropReason.LINK_LOCAL_LIMIT;
    }

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
        return length == 0 ? DropReason.SERVICE : reply(from, length);
    }

    /** Whether the packet belongs to a flow that is allowed, or may begin one; null for yes. */
    private @Nullable DropReason judge(
            Attachment from, Attachment to, MemorySegment head, int source, int destination) {
        int protocol = layers.protocol();
        int id = Wire.u16(head, layers.network() + 4);
        long now = clock.getAsLong();
        if (layers.isFragment() && !layers.isFirstFragment()) {
            return fragments.isAllowed(source, destination, id, protocol, now)
                    ? null
                    : DropReason.FRAGMENT;
        }
        int port = ports(head, source, destination, protocol);
        int flags =
                protocol == Layers.TCP && layers.transport() + 14 <= Frame.HEAD_BYTES
                        ? Wire.u8(head, layers.transport() + 13)
                        : 0;
        if (flows.find(key, flags, now) == FlowTable.NONE && !isError(head, protocol, now)) {
            if (!from.mayLeave(protocol, port, to.config())) {
                return DropReason.GROUP_OUT;
            }
            if (!to.mayEnter(protocol, port, from.config())) {
                return DropReason.GROUP_IN;
            }
            if (!flows.add(key, now)) {
                return DropReason.FLOW_TABLE_FULL;
            }
        }
        if (layers.isFragment()) {
            fragments.allow(source, destination, id, protocol, now);
        }
        return null;
    }

    /** Fills the key; what rules compare is the answer: destination port, or ICMP type and code. */
    private int ports(MemorySegment head, int source, int destination, int protocol) {
        int at = layers.transport();
        if (protocol == Layers.TCP || protocol == Layers.UDP) {
            int port = Wire.u16(head, at + 2);
            key.set(source, destination, protocol, Wire.u16(head, at), port);
            return port;
        }
        if (protocol == Layers.ICMP && at + 8 <= Frame.HEAD_BYTES) {
            int type = Wire.u8(head, at);
            boolean echo = type == 0 || type == 8;
            int id = echo ? Wire.u16(head, at + 4) : type;
            // An echo's answer is the same flow; other messages have no answer.
            key.set(source, destination, protocol, id, echo ? id : NO_ECHO);
            return Wire.u16(head, at);
        }
        key.set(source, destination, protocol, 0, 0);
        return 0;
    }

    /** An ICMP error about a packet of a flow that is allowed. */
    private boolean isError(MemorySegment head, int protocol, long now) {
        int at = layers.transport();
        int inner = at + 8;
        if (protocol != Layers.ICMP || inner + 60 + 8 > Frame.HEAD_BYTES) {
            return false;
        }
        int type = Wire.u8(head, at);
        boolean error =
                type == DESTINATION_UNREACHABLE
                        || type == TIME_EXCEEDED
                        || type == PARAMETER_PROBLEM;
        int innerProtocol = Wire.u8(head, inner + 9);
        int header = (Wire.u8(head, inner) & 0xf) * 4;
        if (!error
                || header < Wire.IPV4_BYTES
                || innerProtocol != Layers.TCP && innerProtocol != Layers.UDP) {
            return false;
        }
        key.set(
                Wire.u32(head, inner + 12),
                Wire.u32(head, inner + 16),
                innerProtocol,
                Wire.u16(head, inner + header),
                Wire.u16(head, inner + header + 2));
        boolean known = flows.look(key, now) != FlowTable.NONE;
        ports(
                head,
                Wire.u32(head, layers.network() + 12),
                Wire.u32(head, layers.network() + 16),
                protocol);
        return known;
    }

    private static @Nullable DropReason deliver(Attachment from, Attachment to, Frame frame) {
        MemorySegment head = frame.head();
        boolean neighbour = from.config().subnet().equals(to.config().subnet());
        Wire.mac(head, 0, to.config().mac());
        Wire.mac(head, Wire.SOURCE_MAC, neighbour ? from.config().mac() : to.config().routerMac());
        if (!to.port().receive(frame)) {
            to.drop(DropReason.RECEIVER);
        }
        return null;
    }
}
