package niter.card.vpc;

import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.function.LongSupplier;
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
    private static final int SYN = 0x02; // TCP's flags
    private static final int ACK = 0x10;
    private static final int DESTINATION_UNREACHABLE = 3;
    private static final int TIME_EXCEEDED = 11;
    private static final int PARAMETER_PROBLEM = 12;

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
            @Nullable Attachment from, @Nullable Attachment to, MemorySegment head, Layers layers) {
        int source = Wire.u32(head, layers.network() + 12);
        int destination = Wire.u32(head, layers.network() + 16);
        int protocol = layers.protocol();
        int id = Wire.u16(head, layers.network() + 4);
        long now = clock.getAsLong();
        if (layers.isFragment() && !layers.isFirstFragment()) {
            return fragments.isAllowed(source, destination, id, protocol, now)
                    ? null
                    : DropReason.FRAGMENT;
        }
        int port = ports(head, layers, source, destination);
        int flags =
                protocol == Layers.TCP && layers.transport() + 14 <= Frame.HEAD_BYTES
                        ? Wire.u8(head, layers.transport() + 13)
                        : 0;
        if (flows.find(key, flags, now) == FlowTable.NONE && !isError(head, layers, now)) {
            if (from != null && !from.mayLeave(protocol, port, destination, groups(to))) {
                return DropReason.GROUP_OUT;
            }
            if (to != null && !to.mayEnter(protocol, port, source, groups(from))) {
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

    /**
     * Whether the packet answers a flow that is known and cannot begin one: neither a part of a
     * packet nor the first of a TCP connection, which another end could take for a new one when it
     * has forgotten the flow.
     */
    boolean isAnswer(MemorySegment head, Layers layers) {
        int at = layers.transport();
        if (layers.isFragment() || at + 14 > Frame.HEAD_BYTES) {
            return false;
        }
        int flags = layers.protocol() == Layers.TCP ? Wire.u8(head, at + 13) : 0;
        if ((flags & (SYN | ACK)) == SYN) {
            return false;
        }
        int network = layers.network();
        ports(head, layers, Wire.u32(head, network + 12), Wire.u32(head, network + 16));
        return flows.find(key, flags, clock.getAsLong()) != FlowTable.NONE;
    }

    private static Set<String> groups(@Nullable Attachment side) {
        return side == null ? Set.of() : side.config().groups();
    }

    /** Fills the key; what rules compare is the answer: destination port, or ICMP type and code. */
    private int ports(MemorySegment head, Layers layers, int source, int destination) {
        int protocol = layers.protocol();
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
    private boolean isError(MemorySegment head, Layers layers, long now) {
        int at = layers.transport();
        int inner = at + 8;
        if (layers.protocol() != Layers.ICMP || inner + 60 + 8 > Frame.HEAD_BYTES) {
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
                layers,
                Wire.u32(head, layers.network() + 12),
                Wire.u32(head, layers.network() + 16));
        return known;
    }

    /** Forgets all flows of an address: whoever gets it next is somebody else. */
    void forget(int address) {
        flows.forget(address);
    }
}
