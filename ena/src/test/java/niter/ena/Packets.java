package niter.ena;

import java.nio.ByteBuffer;

/** Frames for tests, and sums done the plain way. */
final class Packets {
    private Packets() {}

    /** Ethernet, IPv4 or IPv6, TCP or UDP; sums are zero but the IPv4 header's where asked for. */
    static byte[] ip(boolean four, boolean tcp, int payload, boolean networkSum) {
        int network = four ? 20 : 40;
        int transport = tcp ? 20 : 8;
        ByteBuffer frame = ByteBuffer.allocate(14 + network + transport + payload);
        frame.put(new byte[] {0x0e, 1, 2, 3, 4, 5, 0x0e, 9, 9, 9, 9, 9});
        frame.putShort((short) (four ? 0x0800 : 0x86dd));
        if (four) {
            frame.put((byte) 0x45).put((byte) 0).putShort((short) (20 + transport + payload));
            frame.putShort((short) 7).putShort((short) 0x4000).put((byte) 64);
            frame.put((byte) (tcp ? 6 : 17)).putShort((short) 0);
            frame.put(new byte[] {1, 2, 3, 4, 1, 2, 3, 5});
        } else {
            frame.putInt(0x6000_0000).putShort((short) (transport + payload));
            frame.put((byte) (tcp ? 6 : 17)).put((byte) 64);
            for (int i = 0; i < 32; i++) {
                frame.put((byte) (i * 7));
            }
        }
        frame.putShort((short) 7000).putShort((short) 7000);
        if (tcp) {
            frame.putInt(1000).putInt(5).put((byte) 0x50).put((byte) 0x99).putShort((short) 500);
            frame.putInt(0);
        } else {
            frame.putShort((short) (8 + payload)).putShort((short) 0);
        }
        for (int i = 0; i < payload; i++) {
            frame.put((byte) (i * 31 + 11));
        }
        if (four && networkSum) {
            frame.putShort(24, (short) ~sum(frame.array(), 14, 20, 0));
        }
        return frame.array();
    }

    /** The Internet checksum's sum, two bytes at a time. */
    static int sum(byte[] bytes, int from, int count, int start) {
        int sum = start;
        for (int i = 0; i < count; i++) {
            sum += (bytes[from + i] & 0xff) << ((i & 1) == 0 ? 8 : 0);
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return sum;
    }

    /** Whether layer-4 and IPv4 header sums of a frame are right. */
    static boolean sumsRight(byte[] frame) {
        boolean four = frame[12] == 8;
        int network = four ? 20 : 40;
        int protocol = frame[four ? 23 : 20];
        int bytes = frame.length - 14 - network;
        if (four && sum(frame, 14, 20, 0) != 0xffff) {
            return false;
        }
        int pseudo = four ? sum(frame, 26, 8, 0) : sum(frame, 22, 32, 0);
        pseudo =
                sum(
                        new byte[] {(byte) (bytes >> 8), (byte) bytes, 0, (byte) protocol},
                        0,
                        4,
                        pseudo);
        return sum(frame, 14 + network, bytes, pseudo) == 0xffff;
    }

    /** The pseudo header's sum, as Linux leaves it in the field of a packet for partial sums. */
    static int pseudo(byte[] frame) {
        boolean four = frame[12] == 8;
        int network = four ? 20 : 40;
        int bytes = frame.length - 14 - network;
        int sum = four ? sum(frame, 26, 8, 0) : sum(frame, 22, 32, 0);
        int protocol = frame[four ? 23 : 20];
        return sum(new byte[] {(byte) (bytes >> 8), (byte) bytes, 0, (byte) protocol}, 0, 4, sum);
    }

    static int u16(byte[] frame, int offset) {
        return ByteBuffer.wrap(frame).getShort(offset) & 0xffff;
    }

    static int u32(byte[] frame, int offset) {
        return ByteBuffer.wrap(frame).getInt(offset);
    }
}
