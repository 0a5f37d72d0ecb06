package niter.card.vpc;

import java.lang.foreign.MemorySegment;
import niter.ena.Layers;

/** What a packet's flow is known by. One object that is filled for each packet. */
final class FlowKey {
    private static final long MAPPED = 0xffff_0000_0000L; // ::ffff:0:0/96

    long sourceHigh;
    long sourceLow;
    long destinationHigh;
    long destinationLow;
    int protocol;
    int sourcePort;
    int destinationPort;

    /** Reads the addresses of an IP packet, whose header the head holds. */
    FlowKey addresses(MemorySegment head, Layers layers) {
        return layers.etherType() == Layers.IPV6
                ? ipv6(head, layers.network())
                : ipv4(head, layers.network());
    }

    /** Reads the addresses of an IPv4 header. */
    FlowKey ipv4(MemorySegment head, int network) {
        sourceHigh = 0;
        sourceLow = mapped(Wire.u32(head, network + 12));
        destinationHigh = 0;
        destinationLow = mapped(Wire.u32(head, network + 16));
        return this;
    }

    /** Reads the addresses of an IPv6 header. */
    FlowKey ipv6(MemorySegment head, int network) {
        sourceHigh = Wire.u64(head, network + 8);
        sourceLow = Wire.u64(head, network + 16);
        destinationHigh = Wire.u64(head, network + 24);
        destinationLow = Wire.u64(head, network + 32);
        return this;
    }

    /** What is above IP; ports are 0 where the protocol has none. */
    FlowKey ports(int protocol, int sourcePort, int destinationPort) {
        this.protocol = protocol;
        this.sourcePort = sourcePort;
        this.destinationPort = destinationPort;
        return this;
    }

    /** The low half of an IPv4 address as one of 128 bits. */
    static long mapped(int address) {
        return MAPPED | address & 0xffff_ffffL;
    }

    /** Whether an address of 128 bits is one of IPv4. */
    static boolean isMapped(long high, long low) {
        return high == 0 && low >>> 32 == MAPPED >>> 32;
    }

    int ports() {
        return sourcePort << 16 | destinationPort;
    }
}
