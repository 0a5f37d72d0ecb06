package niter.card.vpc;

import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import niter.controller.control.Ipv6;
import niter.ena.Frame;
import niter.ena.Layers;
import org.jspecify.annotations.Nullable;

/**
 * Decides once about a flow, by the security groups of both sides, and remembers it. A side that is
 * no interface of ours (null) is outside: it has an address, and neither groups nor rules. On the
 * core's thread.
 */
final class Judge {
    private static final int NO_ANSWER = 0xffff; // the other side's "port" of ICMP messages
    private static final int ECHO = 0xfffe; // that of an echo, whose own is its id
    private static final int TCP_HEADER = 20;
    private static final int UDP_HEADER = 8;
    private static final int ICMP_HEADER = 8;
    private static final int FRAGMENT_OFFSET = 0x1fff; // of IPv4's flags and offset

    /** How long libslirp keeps a socket of UDP after its last packet. */
    private static final long UPLINK_NANOS = 240_000_000_000L;

    private static final int DNS = 53;

    private static final int SYN = 0x02; // TCP's flags
    private static final int ACK = 0x10;

    private final FlowTable flows;
    private final Supplier<AddressMap> addresses;
    private final LongSupplier clock;
    private final FlowKey key = new FlowKey();
    private final FlowKey other = new FlowKey(); // of a flow in the table
    private int counted; // flows of an interface, by count()
    private int countedOutside;
    private final Fragments outside = new Fragments(); // of packets that came by the uplink

    /**
     * A judge without memory of its own.
     *
     * @param addresses whose they are now
     */
    Judge(FlowTable flows, Supplier<AddressMap> addresses, LongSupplier clock) {
        this.flows = flows;
        this.addresses = addresses;
        this.clock = clock;
    }

    /** Whether the packet belongs to a flow that is allowed, or may begin one; null for yes. */
    @Nullable DropReason judge(
            @Nullable Attachment from, @Nullable Attachment to, Frame frame, Layers layers) {
        int protocol = layers.protocol();
        long now = clock.getAsLong();
        key.addresses(frame.head(), layers);
        if (layers.isFragment() && !layers.isFirstFragment()) {
            return fragments(from)
                            .isAllowed(
                                    key,
                                    layers.fragmentId(),
                                    protocol,
                                    layers.fragmentOffset(),
                                    now)
                    ? null
                    : DropReason.FRAGMENT;
        }
        if (!isWhole(frame, layers)) {
            return DropReason.MALFORMED;
        }
        int port = ports(frame.head(), layers);
        int flags = flags(frame.head(), layers);
        if (!isKnown(frame, layers, flags, now) && !isError(from, frame, layers, now)) {
            if (from != null && !from.mayLeave(protocol, port, key, groups(to))) {
                return DropReason.GROUP_OUT;
            }
            if (to != null && !to.mayEnter(protocol, port, key, groups(from))) {
                return DropReason.GROUP_IN;
            }
            @Nullable DropReason full = begin(from, to, protocol, port, now);
            if (full != null) {
                return full;
            }
        }
        if (layers.isFragment()) {
            int headers = layers.transport() + header(protocol) - layers.fragmentStart();
            fragments(from).allow(key, layers.fragmentId(), protocol, headers, now);
        }
        return null;
    }

    /** Remembers a flow that may begin; null where there was room. */
    private @Nullable DropReason begin(
            @Nullable Attachment from, @Nullable Attachment to, int protocol, int port, long now) {
        Attachment owner = from != null ? from : to;
        // Whoever asks for a connection again that is there takes no more room.
        boolean again = flows.look(key, now) != FlowTable.NONE && !flows.wasReversed();
        if (owner == null || !again && !hasRoom(owner.quota(), owner, now)) {
            return DropReason.FLOW_TABLE_FULL;
        }
        if (!again && to == null && !hasRoom(owner.outside(), owner, now)) {
            return DropReason.UPLINK_SHARE;
        }
        if (!flows.add(key, untracked(from, to, protocol, port), now)) {
            return DropReason.FLOW_TABLE_FULL;
        }
        if (!again) {
            owner.quota().began();
        }
        if (!again && to == null) {
            owner.outside().began();
        }
        return null;
    }

    private Fragments fragments(@Nullable Attachment from) {
        return from == null ? outside : from.fragments();
    }

    /**
     * Whether the packet goes on with a flow. What begins one is decided anew, though it may look
     * like one that was allowed: a TCP connection, and an echo request against an echo.
     */
    private boolean isKnown(Frame frame, Layers layers, int flags, long now) {
        if ((flags & (SYN | ACK)) == SYN || flows.find(key, flags, now) == FlowTable.NONE) {
            return false;
        }
        return !flows.wasReversed()
                || !Icmp.isEchoRequest(
                        layers.protocol(), Wire.u8(frame.head(), layers.transport()));
    }

    private boolean hasRoom(FlowQuota quota, Attachment owner, long now) {
        if (quota.isStale(now)) {
            count(owner, now);
        }
        return quota.hasRoom();
    }

    /** Counts an interface's flows, those that it began, or somebody outside with it. */
    private void count(Attachment owner, long now) {
        counted = 0;
        countedOutside = 0;
        flows.visit(
                other,
                (flow, alive, answered, idleNanos) -> {
                    Attachment from = from(flow);
                    Attachment to = to(flow);
                    if (owner == (from != null ? from : to)) {
                        boolean kept = isKeptOutside(flow, answered) && idleNanos < UPLINK_NANOS;
                        counted += alive ? 1 : 0;
                        countedOutside += from != null && to == null && (alive || kept) ? 1 : 0;
                    }
                },
                now);
        owner.quota().counted(counted, now);
        owner.outside().counted(countedOutside, now);
    }

    /** Whether libslirp keeps its socket a while: not TCP's, nor an answered question's to DNS. */
    private static boolean isKeptOutside(FlowKey flow, boolean answered) {
        return flow.protocol != Layers.TCP && !(answered && flow.destinationPort == DNS);
    }

    private @Nullable Attachment from(FlowKey flow) {
        return addresses.get().get(flow.sourceHigh, flow.sourceLow);
    }

    private @Nullable Attachment to(FlowKey flow) {
        return addresses.get().get(flow.destinationHigh, flow.destinationLow);
    }

    /**
     * Whether the packet answers a flow that is known and cannot begin one: neither a part of a
     * packet nor the first of a TCP connection, which another end could take for a new one when it
     * has forgotten the flow.
     */
    boolean isAnswer(Frame frame, Layers layers) {
        if (layers.isFragment() || !isWhole(frame, layers)) {
            return false;
        }
        int flags = flags(frame.head(), layers);
        if ((flags & (SYN | ACK)) == SYN) {
            return false;
        }
        key.addresses(frame.head(), layers);
        ports(frame.head(), layers);
        long now = clock.getAsLong();
        // UDP has no end: a guest does not keep a caller's flow alive by itself.
        return layers.protocol() == Layers.UDP
                ? flows.look(key, now) != FlowTable.NONE
                : isKnown(frame, layers, flags, now);
    }

    /** Whether the frame, or the first fragment (RFC 1858), has all of its layer-4 header. */
    private static boolean isWhole(Frame frame, Layers layers) {
        return frame.headLength() - layers.transport() >= header(layers.protocol());
    }

    /** Bytes of a layer-4 header that are judged by; 0 where it is none that is known. */
    private static int header(int protocol) {
        return switch (protocol) {
            case Layers.TCP -> TCP_HEADER;
            case Layers.UDP -> UDP_HEADER;
            case Layers.ICMP, Layers.ICMPV6 -> ICMP_HEADER;
            default -> 0;
        };
    }

    private static int flags(MemorySegment head, Layers layers) {
        return layers.protocol() == Layers.TCP ? Wire.u8(head, layers.transport() + 13) : 0;
    }

    private static Set<String> groups(@Nullable Attachment side) {
        return side == null ? Set.of() : side.config().groups();
    }

    /** Fills the key; what rules compare is the answer: destination port, or ICMP type and code. */
    private int ports(MemorySegment head, Layers layers) {
        int protocol = layers.protocol();
        int at = layers.transport();
        switch (protocol) {
            case Layers.TCP, Layers.UDP -> {
                int port = Wire.u16(head, at + 2);
                key.ports(protocol, Wire.u16(head, at), port);
                return port;
            }
            case Layers.ICMP, Layers.ICMPV6 -> {
                int type = Wire.u8(head, at);
                // An echo's answer is the same flow; other messages have no answer.
                if (Icmp.isEchoRequest(protocol, type)) {
                    key.ports(protocol, Wire.u16(head, at + 4), ECHO);
                } else if (Icmp.isEchoReply(protocol, type)) {
                    key.ports(protocol, ECHO, Wire.u16(head, at + 4));
                } else {
                    key.ports(protocol, Wire.u16(head, at), NO_ANSWER);
                }
                return Wire.u16(head, at);
            }
            default -> {
                key.ports(protocol, 0, 0);
                return 0;
            }
        }
    }

    /**
     * An ICMP error about a packet of a flow that is allowed, which its receiver sent. Any router
     * may say so, but it lies where that packet went: it is the flow's other end itself where that
     * is an interface of ours, and outside where that end is.
     */
    private boolean isError(@Nullable Attachment from, Frame frame, Layers layers, long now) {
        MemorySegment head = frame.head();
        int protocol = layers.protocol();
        int inner = layers.transport() + ICMP_HEADER;
        int room = frame.headLength() - inner;
        boolean four = protocol == Layers.ICMP && layers.etherType() == Layers.IPV4;
        boolean six = protocol == Layers.ICMPV6 && layers.etherType() == Layers.IPV6;
        if (!(four || six)
                || room < Wire.IPV4_BYTES
                || !Icmp.isError(protocol, Wire.u8(head, layers.transport()))) {
            return false;
        }
        int header = four ? (Wire.u8(head, inner) & 0xf) * 4 : Wire.IPV6_BYTES;
        if (header < Wire.IPV4_BYTES || room < header + 4) {
            return false;
        }
        int about = Wire.u8(head, inner + (four ? 9 : 6));
        boolean part = four && (Wire.u16(head, inner + 6) & FRAGMENT_OFFSET) != 0;
        if (part || about != Layers.TCP && about != Layers.UDP) {
            return false; // without ports
        }
        long receiverHigh = key.destinationHigh;
        long receiverLow = key.destinationLow;
        if (four) {
            key.ipv4(head, inner);
        } else {
            key.ipv6(head, inner);
        }
        key.ports(about, Wire.u16(head, inner + header), Wire.u16(head, inner + header + 2));
        boolean known =
                key.sourceHigh == receiverHigh
                        && key.sourceLow == receiverLow
                        && addresses.get().get(key.destinationHigh, key.destinationLow) == from
                        && flows.look(key, now) != FlowTable.NONE;
        key.addresses(head, layers);
        ports(head, layers);
        return known;
    }

    private int untracked(
            @Nullable Attachment from, @Nullable Attachment to, int protocol, int port) {
        int sides = 0;
        if (from != null && from.leavesUntracked(protocol, port, key)) {
            sides |= FlowTable.UNTRACKED_FROM;
        }
        if (to != null && to.entersUntracked(protocol, port, key)) {
            sides |= FlowTable.UNTRACKED_TO;
        }
        return sides;
    }

    /**
     * Decides again, after the rules have changed, about the flows that EC2 does not track; those
     * that it tracks go on until they are idle.
     */
    void review() {
        flows.review(
                key,
                (flow, untracked) -> {
                    Attachment from = from(flow);
                    Attachment to = to(flow);
                    if (from == null && to == null) {
                        return untracked; // nobody is plugged in yet
                    }
                    int port = flow.destinationPort;
                    boolean left =
                            (untracked & FlowTable.UNTRACKED_FROM) == 0
                                    || from == null
                                    || from.mayLeave(flow.protocol, port, flow, groups(to));
                    boolean entered =
                            (untracked & FlowTable.UNTRACKED_TO) == 0
                                    || to == null
                                    || to.mayEnter(flow.protocol, port, flow, groups(from));
                    return left && entered
                            ? untracked & untracked(from, to, flow.protocol, port)
                            : FlowTable.NONE;
                });
    }

    /** Forgets all flows of an interface's addresses: whoever gets one next is somebody else. */
    void forget(Interface gone) {
        flows.forget(0, FlowKey.mapped(gone.address()));
        if (gone.hasIpv6()) {
            Ipv6 address = gone.ipv6();
            flows.forget(address.high(), address.low());
        }
    }
}
