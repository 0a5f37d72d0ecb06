package niter.card.vpc.services;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * An IPv4 packet in an Ethernet II frame (RFC 894, RFC 791), as a guest sent it: a private copy
 * whose lengths and header sum were checked, so that whatever reads on cannot leave it.
 *
 * @param frame network order; valid until the next frame is received
 * @param at where the payload begins
 * @param length of the payload
 */
record Packet(
        byte[] frame,
        long to,
        long from,
        int source,
        int destination,
        int protocol,
        int at,
        int length) {
    static final int TCP = 6;
    static final int UDP = 17;

    /** Ethernet's header and an IPv4 header without options, which is how this side writes. */
    static final int HEADERS = 34;

    /** The longest frame: an MTU of 9001, as EC2's. */
    static final int MAX_FRAME = 9015;

    private static final int ETHERNET = 14;
    private static final int IPV4 = 0x0800;
    private static final VarHandle BE16 =
            MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle BE32 =
            MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

    /** Reads a frame; null where it is none of ours, and then the reason is counted. */
    static @Nullable Packet read(byte[] frame, int bytes, Drops drops) {
        if (bytes < HEADERS
                || bytes > MAX_FRAME
                || u16(frame, 12) != IPV4
                || frame[ETHERNET] >> 4 != 4) {
            drops.count(DropReason.MALFORMED);
            return null;
        }
        int header = (frame[ETHERNET] & 0xf) * 4;
        int total = u16(frame, ETHERNET + 2);
        if (header < 20 || total < header || total > bytes - ETHERNET) {
            drops.count(DropReason.MALFORMED);
            return null;
        }
        if (Checksum.of(frame, ETHERNET, header, 0) != 0) {
            drops.count(DropReason.CHECKSUM);
            return null;
        }
        if ((u16(frame, ETHERNET + 6) & 0x3fff) != 0) { // more to come, or not the first
            drops.count(DropReason.FRAGMENT);
            return null;
        }
        return new Packet(
                frame,
                mac(frame, 0),
                mac(frame, 6),
                u32(frame, ETHERNET + 12),
                u32(frame, ETHERNET + 16),
                frame[ETHERNET + 9] & 0xff,
                ETHERNET + header,
                total - header);
    }

    /** Whether the sum over the payload and the pseudo header is right. RFC 9293, section 3.1. */
    boolean sound() {
        return Checksum.of(
                        frame, at, length, Checksum.pseudo(source, destination, protocol, length))
                == 0;
    }

    /** The other end's view: who this came from is who an answer goes to. */
    Path answer() {
        return new Path(from, to, destination, source);
    }

    /**
     * How to reach a guest.
     *
     * @param to the guest's MAC
     * @param from the MAC that it took us for
     * @param source our address
     * @param destination the guest's address
     */
    record Path(long to, long from, int source, int destination) {
        /**
         * Writes both headers before a payload that lies at {@link #HEADERS}.
         *
         * @return bytes of the frame
         */
        int write(byte[] frame, int protocol, int ttl, int payload) {
            mac(frame, 0, to);
            mac(frame, 6, from);
            u16(frame, 12, IPV4);
            u16(frame, ETHERNET, 0x4500);
            u16(frame, ETHERNET + 2, HEADERS - ETHERNET + payload);
            u32(frame, ETHERNET + 4, 0x4000); // no id, may not be cut
            u16(frame, ETHERNET + 8, ttl << 8 | protocol);
            u16(frame, ETHERNET + 10, 0);
            u32(frame, ETHERNET + 12, source);
            u32(frame, ETHERNET + 16, destination);
            u16(frame, ETHERNET + 10, Checksum.of(frame, ETHERNET, HEADERS - ETHERNET, 0));
            return HEADERS + payload;
        }
    }

    static int u16(byte[] bytes, int at) {
        return (short) BE16.get(bytes, at) & 0xffff;
    }

    static void u16(byte[] bytes, int at, int value) {
        BE16.set(bytes, at, (short) value);
    }

    static int u32(byte[] bytes, int at) {
        return (int) BE32.get(bytes, at);
    }

    static void u32(byte[] bytes, int at, int value) {
        BE32.set(bytes, at, value);
    }

    static long mac(byte[] bytes, int at) {
        return (long) u16(bytes, at) << 32 | u32(bytes, at + 2) & 0xffff_ffffL;
    }

    static void mac(byte[] bytes, int at, long mac) {
        u16(bytes, at, (int) (mac >>> 32));
        u32(bytes, at + 2, (int) mac);
    }
}
