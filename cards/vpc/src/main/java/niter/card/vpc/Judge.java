package niter.card.vpc;

import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.function.LongSupplier;
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
    private static final int NO_ECHO = 0xffff; // no message's type
    private static final int TCP_HEADER = 20;
    private static final int ICMP_HEADER = 8;
    private static final int SYN = 0x02; // TCP's flags
    private static final int ACK = 0x10;

    private final FlowTable flows;
    private final LongSupplier clock;
    private final FlowKey key = new FlowKey();
    private final Fragments fragments = new Fragments();

    Judge(FlowTable flows, LongSupplier clock) {
        this.flows = flows;
        this.clock = clock;
    }

    /** Whether the packet belongs to a flow that is allowed, or may begin one; null for yes. */
    @Nullable DropReason judge(
            @Nullable Attachment from, @Nullable Attachment to, Frame frame, Layers layers) {
        int protocol = layers.protocol();
        long now = clock.getAsLong();
        key.addresses(frame.head(), layers);
        if (layers.isFragment() && !layers.isFirstFragment()) {
            return fragments.isAllowed(key, layers.fragmentId(), protocol, now)
                    ? null
                    : DropReason.FRAGMENT;
        }
        if (!isWhole(frame, layers)) {
            return DropReason.MALFORMED;
        }
        int port = ports(frame.head(), layers);
        int flags = flags(frame.head(), layers);
        if (flows.find(key, flags, now) == FlowTable.NONE && !isError(frame, layers, now)) {
            if (from != null && !from.mayLeave(protocol, port, key, groups(to))) {
                return DropReason.GROUP_OUT;
            }
            if (to != null && !to.mayEnter(protocol, port, key, groups(from))) {
                return DropReason.GROUP_IN;
            }
            if (!flows.add(key, untracked(from, to, protocol, port), now)) {
                return DropReason.FLOW_TABLE_FULL;
            }
        }
        if (layers.isFragment()) {
            fragments.allow(key, layers.fragmentId(), protocol, now);
        }
        return null;
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
        return flows.find(key, flags, clock.getAsLong()) != FlowTable.NONE;
    }

    /**
     * Whether the frame, or the first fragment (RFC 1858), has all of its layer-4 header; that of
     * UDP is whole or the protocol is none.
     */
    private static boolean isWhole(Frame frame, Layers layers) {
        int room = frame.headLength() - layers.transport();
        return switch (layers.protocol()) {
            case Layers.TCP -> room >= TCP_HEADER;
            case Layers.ICMP, Layers.ICMPV6 -> room >= ICMP_HEADER;
            default -> true;
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
                boolean echo =
                        protocol == Layers.ICMP
                                ? type == Icmp.ECHO_REPLY || type == Icmp.ECHO
                                : type == Icmp.ECHO_6 || type == Icmp.ECHO_REPLY_6;
                int id = echo ? Wire.u16(head, at + 4) : type;
                // An echo's answer is the same flow; other messages have no answer.
                key.ports(protocol, id, echo ? id : NO_ECHO);
                return Wire.u16(head, at);
            }
            default -> {
                key.ports(protocol, 0, 0);
                return 0;
            }
        }
    }

    /** An ICMP error about a packet of a flow that is allowed. */
    private boolean isError(Frame frame, Layers layers, long now) {
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
        if (about != Layers.TCP && about != Layers.UDP) {
            return false;
        }
        if (four) {
            key.ipv4(head, inner);
        } else {
            key.ipv6(head, inner);
        }
        key.ports(about, Wire.u16(head, inner + header), Wire.u16(head, inner + header + 2));
        boolean known = flows.look(key, now) != FlowTable.NONE;
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
    void review(AddressMap addresses) {
        flows.review(
                key,
                (flow, untracked) -> {
                    Attachment from = addresses.get(flow.sourceHigh, flow.sourceLow);
                    Attachment to = addresses.get(flow.destinationHigh, flow.destinationLow);
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
