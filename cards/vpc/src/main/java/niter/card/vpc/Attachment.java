package niter.card.vpc;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import niter.ena.Allowance;
import niter.ena.Frame;
import niter.ena.Layers;
import niter.ena.Network;
import niter.linux.Descriptor;

/**
 * An interface that is plugged in: its configuration, its rules, its counters, and the port to its
 * guest. On the core's thread.
 */
final class Attachment implements Network {
    private static final int LINK_LOCAL_PER_SECOND = 1024;
    private static final long SECOND = 1_000_000_000L;

    /**
     * Each is a socket of the uplink's and a port of the host's: of its 28,232 as Linux is set up,
     * and of 20,000 descriptors, eight interfaces that take their whole share leave some.
     */
    private static final int FLOWS_OUTSIDE = 2048;

    private final Vpc vpc;
    private final Port port;
    private final DropCounts drops = new DropCounts();
    private final FlowQuota quota;
    private final FlowQuota outside = new FlowQuota(FLOWS_OUTSIDE);
    private final Fragments fragments = new Fragments(); // of packets that its guest sent
    private Interface config;
    private Rule[] in = {};
    private Rule[] out = {};
    private Capture[] captures = {};
    private final long[] linkLocal =
            new long[LINK_LOCAL_PER_SECOND]; // when the last passed, a ring
    private int oldest; // of them
    private long advertised; // when the router was advertised last
    private boolean untold; // the guest was given frames since tell()

    Attachment(Vpc vpc, Interface config, Port port) {
        Arrays.fill(linkLocal, Long.MIN_VALUE / 2); // long ago
        quota = new FlowQuota(vpc.flowsOfAnInterface());
        this.vpc = vpc;
        this.config = config;
        this.port = port;
    }

    Interface config() {
        return config;
    }

    int mtu() {
        return port.mtu();
    }

    FlowQuota quota() {
        return quota;
    }

    /** Of the flows that it began by the uplink. */
    FlowQuota outside() {
        return outside;
    }

    Fragments fragments() {
        return fragments;
    }

    /** Gives its guest a frame, which is counted where it cannot take it. */
    void deliver(Frame frame) {
        show(frame, Pcapng.INBOUND);
        if (!port.receive(frame)) {
            drop(DropReason.RECEIVER);
        } else if (!untold) {
            untold = true;
            vpc.untold(this);
        }
    }

    /** Tells its guest of the frames that it was given. */
    void tell() {
        untold = false;
        port.flush();
    }

    /** From now on all frames are shown. */
    void begin(Capture capture) {
        captures = Arrays.copyOf(captures, captures.length + 1);
        captures[captures.length - 1] = capture;
    }

    /** Who reads there is shown nothing more. */
    void end(Descriptor socket) {
        captures =
                Arrays.stream(captures)
                        .filter(one -> one.socket() != socket)
                        .toArray(Capture[]::new);
    }

    private void show(Frame frame, int direction) {
        for (Capture capture : captures) {
            capture.show(frame, direction);
        }
    }

    /** Takes a new configuration's share. */
    void apply(Interface next, Configuration whole) {
        config = next;
        List<Rule> inwards = new ArrayList<>();
        List<Rule> outwards = new ArrayList<>();
        for (String id : next.groups()) {
            SecurityGroup group = whole.groups().get(id);
            if (group != null) {
                inwards.addAll(group.in());
                outwards.addAll(group.out());
            }
        }
        in = inwards.toArray(Rule[]::new);
        out = outwards.toArray(Rule[]::new);
    }

    /** Whether a flow may begin towards another address, which has these groups. */
    boolean mayLeave(int protocol, int port, FlowKey key, Set<String> otherGroups) {
        return allows(out, protocol, port, key.destinationHigh, key.destinationLow, otherGroups);
    }

    /** Whether a flow may begin here that comes from another address. */
    boolean mayEnter(int protocol, int port, FlowKey key, Set<String> otherGroups) {
        return allows(in, protocol, port, key.sourceHigh, key.sourceLow, otherGroups);
    }

    /**
     * Whether a flow of TCP or UDP that began here is one that EC2 does not track: all addresses
     * may be called, and all may call back. Its rule, and no memory of it, lets it go on.
     */
    boolean leavesUntracked(int protocol, int port, FlowKey key) {
        return isUntracked(out, protocol, port, key.destinationHigh, key.destinationLow, in);
    }

    /** The same of a flow that began elsewhere: all may call, and all may be answered. */
    boolean entersUntracked(int protocol, int port, FlowKey key) {
        return isUntracked(in, protocol, port, key.sourceHigh, key.sourceLow, out);
    }

    private static boolean isUntracked(
            Rule[] there, int protocol, int port, long high, long low, Rule[] back) {
        if (protocol != Layers.TCP && protocol != Layers.UDP) {
            return false;
        }
        boolean open = false;
        for (Rule rule : there) {
            open |= rule.isForAll() && rule.allows(protocol, port, high, low, Set.of());
        }
        boolean answers = false;
        for (Rule rule : back) {
            answers |=
                    rule.isForAll()
                            && rule.isForAllPorts(protocol)
                            && rule.allows(protocol, 0, high, low, Set.of());
        }
        return open && answers;
    }

    private static boolean allows(
            Rule[] rules, int protocol, int port, long high, long low, Set<String> otherGroups) {
        for (Rule rule : rules) {
            if (rule.allows(protocol, port, high, low, otherGroups)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Lets a packet to a link-local service pass; false where it is one too many. In no second,
     * wherever it begins, do more than 1,024 pass; all of them may come at once. What is refused
     * does not count. A bucket of as many tokens would give a burst and a second's refill together.
     */
    boolean linkLocal(long nowNanos) {
        if (nowNanos - linkLocal[oldest] < SECOND) {
            return false;
        }
        linkLocal[oldest] = nowNanos;
        oldest = (oldest + 1) % LINK_LOCAL_PER_SECOND;
        return true;
    }

    /** When it was told of its router last. */
    long advertisedNanos() {
        return advertised;
    }

    void advertisedNanos(long nanos) {
        advertised = nanos;
    }

    /** Counts a packet for the operator; where an allowance is the reason, for its guest too. */
    void drop(DropReason reason) {
        drops.add(reason);
        if (reason == DropReason.FLOW_TABLE_FULL || reason == DropReason.UPLINK_SHARE) {
            port.exceeded(Allowance.CONNTRACK);
        } else if (reason == DropReason.LINK_LOCAL_LIMIT) {
            port.exceeded(Allowance.LINK_LOCAL);
        }
    }

    DropCounts drops() {
        return drops;
    }

    long drops(DropReason reason) {
        return drops.of(reason);
    }

    @Override
    public void sent(Frame frame) {
        show(frame, Pcapng.OUTBOUND);
        vpc.forward(this, frame);
    }

    @Override
    public void flush() {
        vpc.tell();
    }

    @Override
    public long conntrackAvailable() {
        return quota.available();
    }
}
