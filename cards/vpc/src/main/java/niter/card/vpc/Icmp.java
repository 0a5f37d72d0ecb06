package niter.card.vpc;

import java.lang.foreign.MemorySegment;
import niter.controller.control.Ipv6;
import niter.ena.Checksum;
import niter.ena.Frame;
import niter.ena.Layers;

/** ICMP, RFC 792 and 4443: message types, and the router's answer to packets that are too long. */
final class Icmp {
    private static final int ECHO_REPLY = 0;
    private static final int ECHO = 8;
    private static final int ECHO_6 = 128;
    private static final int ECHO_REPLY_6 = 129;

    private static final int UNREACHABLE = 3;
    private static final int FRAGMENTATION_NEEDED = 4; // a code of it
    private static final int TIME_EXCEEDED = 11;
    private static final int PARAMETER_PROBLEM = 12;
    private static final int TOO_BIG_6 = 2;
    private static final int LAST_ERROR_6 = 4;

    private static final int HEADER = 8;
    private static final int TTL = 64;
    private static final int DO_NOT_FRAGMENT = 0x4000;

    // How much of a packet its error tells: all of RFC 1191's, RFC 4443's smallest MTU in all.
    private static final int QUOTE = 548;
    private static final int QUOTE_6 = 1232;

    private Icmp() {}

    static boolean isEchoRequest(int protocol, int type) {
        return protocol == Layers.ICMP && type == ECHO
                || protocol == Layers.ICMPV6 && type == ECHO_6;
    }

    static boolean isEchoReply(int protocol, int type) {
        return protocol == Layers.ICMP && type == ECHO_REPLY
                || protocol == Layers.ICMPV6 && type == ECHO_REPLY_6;
    }

    /** Whether a message is about another packet, and breaks it. */
    static boolean isError(int protocol, int type) {
        return protocol == Layers.ICMP
                ? type == UNREACHABLE || type == TIME_EXCEEDED || type == PARAMETER_PROBLEM
                : type >= 1 && type <= LAST_ERROR_6;
    }

    /**
     * Writes the router's answer to a packet that is longer than the next link's MTU (RFC 1191, RFC
     * 8201).
     *
     * @param to who sent it
     * @param answer 1,500 bytes or more
     * @return bytes of the answering frame, 0 where the packet may be cut, or is an error itself
     */
    static int tooBig(Frame frame, Layers layers, Interface to, int mtu, MemorySegment answer) {
        MemorySegment head = frame.head();
        boolean icmp = layers.protocol() == Layers.ICMP || layers.protocol() == Layers.ICMPV6;
        boolean first = !layers.isFragment() || layers.isFirstFragment();
        if (icmp && first && isError(layers.protocol(), Wire.u8(head, layers.transport()))) {
            return 0;
        }
        return layers.etherType() == Layers.IPV6
                ? ipv6(frame, layers, to, mtu, answer)
                : ipv4(frame, layers, to, mtu, answer);
    }

    private static int ipv4(
            Frame frame, Layers layers, Interface to, int mtu, MemorySegment answer) {
        int network = layers.network();
        if ((Wire.u16(frame.head(), network + 6) & DO_NOT_FRAGMENT) == 0) {
            return 0;
        }
        int quoted = Math.min(QUOTE, frame.length() - network);
        int ip = Wire.ETHERNET_BYTES;
        int icmp = ip + Wire.IPV4_BYTES;
        Wire.ethernet(answer, to.mac(), to.routerMac(), Layers.IPV4);
        Wire.u32(answer, ip, 0x4500_0000 | Wire.IPV4_BYTES + HEADER + quoted);
        Wire.u32(answer, ip + 4, 0);
        Wire.u32(answer, ip + 8, TTL << 24 | Layers.ICMP << 16);
        Wire.u32(answer, ip + 12, to.router());
        Wire.u32(answer, ip + 16, Wire.u32(frame.head(), network + 12));
        Wire.u16(answer, ip + 10, ~Checksum.fold(Checksum.sum(answer, ip, Wire.IPV4_BYTES)));
        Wire.u32(answer, icmp, UNREACHABLE << 24 | FRAGMENTATION_NEEDED << 16);
        Wire.u32(answer, icmp + 4, mtu);
        frame.copy(network, answer.address() + icmp + HEADER, quoted);
        long sum = Checksum.sum(answer, icmp, HEADER + quoted);
        Wire.u16(answer, icmp + 2, ~Checksum.fold(sum));
        return icmp + HEADER + quoted;
    }

    private static int ipv6(
            Frame frame, Layers layers, Interface to, int mtu, MemorySegment answer) {
        int network = layers.network();
        int quoted = Math.min(QUOTE_6, frame.length() - network);
        int icmp = Wire.ETHERNET_BYTES + Wire.IPV6_BYTES;
        Wire.ethernet(answer, to.mac(), to.routerMac(), Layers.IPV6);
        Wire.u32(answer, icmp, TOO_BIG_6 << 24);
        Wire.u32(answer, icmp + 4, mtu);
        frame.copy(network, answer.address() + icmp + HEADER, quoted);
        Ipv6 sender =
                new Ipv6(Wire.u64(frame.head(), network + 8), Wire.u64(frame.head(), network + 16));
        return Wire.ipv6(answer, to.routerIpv6(), sender, Layers.ICMPV6, TTL, HEADER + quoted, 2);
    }
}
