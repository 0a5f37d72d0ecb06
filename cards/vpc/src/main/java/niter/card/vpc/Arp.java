package niter.card.vpc;

import java.lang.foreign.MemorySegment;

/** Address resolution, RFC 826, as the VPC's mapping service answers it. */
final class Arp {
    static final int TYPE = 0x0806;

    /** An Ethernet frame is no shorter without its checksum. */
    static final int FRAME_BYTES = 60;

    static final int REQUEST = 1;
    private static final int REPLY = 2;
    private static final int BYTES = 28;
    private static final int AT = Wire.ETHERNET_BYTES;

    private Arp() {}

    /** Whether a frame's head holds a whole packet about IPv4 over Ethernet. */
    static boolean isWhole(MemorySegment head, int length) {
        return length >= AT + BYTES
                && Wire.u32(head, AT) == 0x0001_0800
                && Wire.u16(head, AT + 4) == 0x0604;
    }

    static int operation(MemorySegment head) {
        return Wire.u16(head, AT + 6);
    }

    static long senderMac(MemorySegment head) {
        return Wire.mac(head, AT + 8);
    }

    static int sender(MemorySegment head) {
        return Wire.u32(head, AT + 14);
    }

    static int target(MemorySegment head) {
        return Wire.u32(head, AT + 24);
    }

    /** Writes the answer to a request. */
    static void answer(MemorySegment request, MemorySegment reply, long mac) {
        reply.asSlice(0, FRAME_BYTES).fill((byte) 0);
        Wire.ethernet(reply, senderMac(request), mac, TYPE);
        Wire.u32(reply, AT, 0x0001_0800);
        Wire.u32(reply, AT + 4, 0x0604_0000 | REPLY);
        Wire.mac(reply, AT + 8, mac);
        Wire.u32(reply, AT + 14, target(request));
        Wire.mac(reply, AT + 18, senderMac(request));
        Wire.u32(reply, AT + 24, sender(request));
    }
}
