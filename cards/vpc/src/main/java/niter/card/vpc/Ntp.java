package niter.card.vpc;

import java.lang.foreign.MemorySegment;
import java.time.Instant;

/**
 * The time service at 169.254.169.123, RFC 5905: the host's clock, told as stratum 3 as on EC2.
 * Without state: a server's answer is made from the question alone.
 */
final class Ntp {
    static final int PORT = 123;
    private static final int BYTES = 48;
    private static final int AT = Wire.ETHERNET_BYTES + Wire.IPV4_BYTES + Wire.UDP_BYTES;
    private static final int CLIENT = 3;
    private static final int SERVER = 4;
    private static final int STRATUM = 3;
    private static final int PRECISION = -20; // about a microsecond
    private static final int ROOT_DELAY = 0x0000_0010; // 16.16 seconds
    private static final int ROOT_DISPERSION = 0x0000_0020;
    private static final int REFERENCE = 0xa9fe_a97a; // 169.254.169.122: the one it follows
    private static final long SECONDS_1900_TO_1970 = 2_208_988_800L;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    private Ntp() {}

    /**
     * Answers a client.
     *
     * @param request the whole frame, an IPv4 header without options checked
     * @param reply for the answering frame
     * @return bytes of it, 0 where there is none
     */
    static int answer(
            MemorySegment request, int bytes, MemorySegment reply, long mac, Instant now) {
        int first = bytes < AT + BYTES ? 0 : Wire.u8(request, AT);
        int version = first >>> 3 & 7;
        if ((first & 7) != CLIENT || version < 1 || version > 4) {
            return 0;
        }
        reply.asSlice(0, AT + BYTES).fill((byte) 0);
        Wire.u8(reply, AT, version << 3 | SERVER);
        Wire.u8(reply, AT + 1, STRATUM);
        Wire.u8(reply, AT + 2, Wire.u8(request, AT + 2)); // poll
        Wire.u8(reply, AT + 3, PRECISION);
        Wire.u32(reply, AT + 4, ROOT_DELAY);
        Wire.u32(reply, AT + 8, ROOT_DISPERSION);
        Wire.u32(reply, AT + 12, REFERENCE);
        Wire.u32(reply, AT + 16, (int) (now.getEpochSecond() + SECONDS_1900_TO_1970));
        MemorySegment.copy(request, AT + 40, reply, AT + 24, 8); // its transmit is our origin
        time(reply, AT + 32, now);
        time(reply, AT + 40, now);
        Wire.ethernet(reply, Wire.mac(request, Wire.SOURCE_MAC), mac, 0x0800);
        int network = Wire.ETHERNET_BYTES;
        return Wire.udp(
                reply,
                Wire.u32(request, network + 16),
                PORT,
                Wire.u32(request, network + 12),
                Wire.u16(request, network + Wire.IPV4_BYTES),
                BYTES);
    }

    private static void time(MemorySegment reply, int at, Instant now) {
        Wire.u32(reply, at, (int) (now.getEpochSecond() + SECONDS_1900_TO_1970));
        Wire.u32(reply, at + 4, (int) (((long) now.getNano() << 32) / NANOS_PER_SECOND));
    }
}
