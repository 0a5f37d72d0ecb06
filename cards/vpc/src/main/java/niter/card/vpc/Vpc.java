package niter.card.vpc;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
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
    private static final int SHARES = 8;

    private final Judge judge;
    private final int flowCount;
    private final Outlets outlets;
    private final LongSupplier clock;
    private final Map<String, Attachment> attachments = new HashMap<>();
    private final MemorySegment answer = Arena.ofAuto().allocate(Dhcp.MAX_BYTES, 8);
    private final Frame answerFrame = new Frame();
    private final Ipv4Router ipv4;
    private final Ipv6Router ipv6;
    private final DropCounts uplinkDrops = new DropCounts();
    private final DropCounts servicesDrops = new DropCounts();
    private final List<Attachment> untold = new ArrayList<>(); // since tell()
    private boolean inBatch; // from a guest's frame to its tell()
    private long batchNanos; // when it began
    private @Nullable Configuration configuration;
    private AddressMap byAddress = AddressMap.of(List.of());

    /**
     * A VPC without interfaces.
     *
     * @param clock nanoseconds that go on over the processes of one boot
     * @param outlets where packets go that are for no interface
     */
    Vpc(FlowTable flows, int flowCount, LongSupplier clock, Outlets outlets) {
        judge = new Judge(flows, () -> byAddress, this::nanos);
        ipv4 = new Ipv4Router(this, judge, answer);
        ipv6 = new Ipv6Router(this, answer);
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

    /** How many flows may begin with one interface: enough, and never all there are. */
    int flowsOfAnInterface() {
        return flowCount / SHARES;
    }

    /** An interface that is plugged in; null where it is not. */
    @Nullable Attachment attachment(String id) {
        return attachments.get(id);
    }

    /** Plugs an interface in; it has no rules until it is configured. */
    void attach(Attachment attachment) {
        attachment.advertisedNanos(nanos()); // its guest asks when it boots
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

    /**
     * Replaces the configuration. Flows that EC2 tracks go on until they are idle; those that it
     * does not track go on as the rules of now say.
     */
    void apply(Configuration next) {
        configuration = next;
        refresh();
        judge.review();
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

    /** A guest was given frames: {@link #tell} tells it. */
    void untold(Attachment attachment) {
        untold.add(attachment);
    }

    /** A guest's frames have been forwarded: tells guests of those that they were given. */
    void tell() {
        inBatch = false;
        for (int i = 0; i < untold.size(); i++) {
            untold.get(i).tell();
        }
        untold.clear();
    }

    /** A guest sent a frame; {@link #tell} follows, whatever happens. */
    void forward(Attachment from, Frame frame) {
        if (!inBatch) {
            inBatch = true;
            batchNanos = clock.getAsLong();
        }
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
        Layers layers = frame.layers();
        return switch (layers.etherType()) {
            case Arp.TYPE -> ipv4.arp(from, frame, layers);
            case Layers.IPV4 -> ipv4.route(from, frame, layers);
            case Layers.IPV6 -> ipv6.route(from, frame, layers);
            default -> DropReason.PROTOCOL;
        };
    }

    /** Sends a guest what lies in the answer's memory; null, as it arrives or is counted. */
    @Nullable DropReason reply(Attachment to, int bytes) {
        answerFrame.wrap(answer, bytes).checksumVerified(true);
        to.deliver(answerFrame);
        ipv6.refresh(to);
        return null;
    }

    // ---- from beside the card

    /** The services answer an interface: from a service's address, to the interface's own. */
    void fromServices(Frame frame) {
        @Nullable DropReason dropped = served(frame);
        if (dropped != null) {
            servicesDrops.add(dropped);
        }
    }

    /** What the services sent and may not send. */
    DropCounts servicesDrops() {
        return servicesDrops;
    }

    private @Nullable DropReason served(Frame frame) {
        Layers layers = frame.layers();
        MemorySegment head = frame.head();
        Configuration now = configuration;
        if (layers.etherType() != Layers.IPV4) {
            return DropReason.PROTOCOL;
        }
        if (layers.protocol() == Layers.NONE) {
            return DropReason.MALFORMED;
        }
        int source = Wire.u32(head, layers.network() + 12);
        Attachment to = byAddress.get(Wire.u32(head, layers.network() + 16));
        if (to == null || now == null || Wire.mac(head, 0) != to.config().mac()) {
            return DropReason.NO_ROUTE; // nobody has both addresses
        }
        if (source != now.resolver() && !Ipv4Router.isLinkLocal(source)) {
            return DropReason.SPOOFED_ADDRESS;
        }
        to.deliver(frame);
        return null;
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
        Layers layers = frame.layers();
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
        if (frame.length() - Wire.ETHERNET_BYTES > to.mtu()) {
            to.drop(DropReason.TOO_BIG);
            int bytes = Icmp.tooBig(frame, layers, to.config(), to.mtu(), answer);
            if (bytes != 0) {
                Wire.mac(answer, 0, Wire.mac(head, Wire.SOURCE_MAC));
                Wire.mac(answer, Wire.SOURCE_MAC, to.config().mac());
                answerFrame.wrap(answer, bytes);
                return outlets.toUplink(answerFrame) ? null : DropReason.UPLINK;
            }
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

    // ---- what the routers need

    @Nullable Configuration configuration() {
        return configuration;
    }

    Outlets outlets() {
        return outlets;
    }

    /** The interface that has an IPv4 address; null for nobody. */
    @Nullable Attachment at(int address) {
        return byAddress.get(address);
    }

    /** Out by the uplink. */
    @Nullable DropReason leave(Frame frame) {
        return outlets.toUplink(frame) ? null : DropReason.UPLINK;
    }

    /** The interface that has an address of 128 bits; null for nobody. */
    @Nullable Attachment at(long high, long low) {
        return byAddress.get(high, low);
    }

    /** Now; for a guest's frames, when the first of those that came together was looked at. */
    long nanos() {
        return inBatch ? batchNanos : clock.getAsLong();
    }

    /** From one interface to another, where both sides' groups allow it. */
    @Nullable DropReason exchange(Attachment from, Attachment to, Frame frame) {
        @Nullable DropReason refused = judge.judge(from, to, frame, frame.layers());
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
    @Nullable DropReason tooBig(Attachment from, Frame frame, int mtu) {
        int bytes = Icmp.tooBig(frame, frame.layers(), from.config(), mtu, answer);
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
