package niter.card.vpc;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import niter.controller.control.Ipv6;
import niter.ena.Checksum;

/** Fields of packets in network order: Ethernet II, RFC 791, RFC 8200, RFC 768. */
final class Wire {
    static final ValueLayout.OfShort BE16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    static final ValueLayout.OfInt BE32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    static final ValueLayout.OfLong BE64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    static final int ETHERNET_BYTES = 14;
    static final int SOURCE_MAC = 6;
    static final int IPV4_BYTES = 20;
    static final int IPV6_BYTES = 40;
    static final int UDP_BYTES = 8;
    static final int MAC_BYTES = 6;
    static final long BROADCAST = 0xffff_ffff_ffffL;

    private static final int UDP = 17;
    private static final int TTL = 64;

    private Wire() {}

    static int u8(MemorySegment memory, long offset) {
        return memory.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
    }

    static void u8(MemorySegment memory, long offset, int value) {
        memory.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
    }

    static int u16(MemorySegment memory, long offset) {
        return memory.get(BE16, offset) & 0xffff;
    }

    static void u16(MemorySegment memory, long offset, int value) {
        memory.set(BE16, offset, (short) value);
    }

    static int u32(MemorySegment memory, long offset) {
        return memory.get(BE32, offset);
    }

    static void u32(MemorySegment memory, long offset, int value) {
        memory.set(BE32, offset, value);
    }

    static long u64(MemorySegment memory, long offset) {
        return memory.get(BE64, offset);
    }

    static void u64(MemorySegment memory, long offset, long value) {
        memory.set(BE64, offset, value);
    }

    static long mac(MemorySegment memory, long offset) {
        return (long) u16(memory, offset) << 32 | u32(memory, offset + 2) & 0xffff_ffffL;
    }

    static void mac(MemorySegment memory, long offset, long mac) {
        u16(memory, offset, (int) (mac >>> 32));
        u32(memory, offset + 2, (int) mac);
    }

    static void ethernet(MemorySegment memory, long destination, long source, int type) {
        mac(memory, 0, destination);
        mac(memory, MAC_BYTES, source);
        u16(memory, 12, type);
    }

    /**
     * Writes IPv4 and UDP headers before a payload that lies at offset 42 already, with all sums.
     *
     * @return bytes of the frame
     */
    static int udp(
            MemorySegment memory,
            int source,
            int sourcePort,
            int destination,
            int destinationPort,
            int payload) {
        int network = ETHERNET_BYTES;
        int transport = network + IPV4_BYTES;
        int bytes = UDP_BYTES + payload;
        u16(memory, network, 0x4500);
        u16(memory, network + 2, IPV4_BYTES + bytes);
        u32(memory, network + 4, 0x4000); // no id, may not be cut
        u16(memory, network + 8, TTL << 8 | UDP);
        u16(memory, network + 10, 0);
        u32(memory, network + 12, source);
        u32(memory, network + 16, destination);
        u16(memory, network + 10, ~Checksum.fold(Checksum.sum(memory, network, IPV4_BYTES)));
        u16(memory, transport, sourcePort);
        u16(memory, transport + 2, destinationPort);
        u16(memory, transport + 4, bytes);
        u16(memory, transport + 6, 0);
        long pseudo = Checksum.sum(memory, network + 12, 8) + UDP + bytes;
        int sum = ~Checksum.fold(pseudo + Checksum.sum(memory, transport, bytes)) & 0xffff;
        u16(memory, transport + 6, sum == 0 ? 0xffff : sum);
        return transport + bytes;
    }

    /**
     * Writes an IPv6 header before what lies at offset 54 already, and the sum into that.
     *
     * @param next the protocol that lies there
     * @param hops the hop limit
     * @param sumAt where its checksum is, in it
     * @return bytes of the frame
     */
    static int ipv6(
            MemorySegment memory,
            Ipv6 source,
            Ipv6 destination,
            int next,
            int hops,
            int bytes,
            int sumAt) {
        int network = ETHERNET_BYTES;
        int transport = network + IPV6_BYTES;
        u32(memory, network, 0x6000_0000);
        u32(memory, network + 4, bytes << 16 | next << 8 | hops);
        u64(memory, network + 8, source.high());
        u64(memory, network + 16, source.low());
        u64(memory, network + 24, destination.high());
        u64(memory, network + 32, destination.low());
        u16(memory, transport + sumAt, 0);
        long pseudo = Checksum.sum(memory, network + 8, 32) + next + bytes;
        int sum = ~Checksum.fold(pseudo + Checksum.sum(memory, transport, bytes)) & 0xffff;
        u16(memory, transport + sumAt, sum == 0 ? 0xffff : sum);
        return transport + bytes;
    }
}
