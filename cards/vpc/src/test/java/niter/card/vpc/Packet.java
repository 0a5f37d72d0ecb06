package niter.card.vpc;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import niter.controller.control.Ipv6;
import niter.ena.Frame;

/** Frames for tests. */
final class Packet {
    static final long ROUTER = 0x0e00_ac1f_0000L; // 172.31.0.0's

    private Packet() {}

    static byte[] ethernet(long destination, long source, int type, int bytes) {
        ByteBuffer frame = ByteBuffer.allocate(14 + bytes);
        frame.putShort((short) (destination >>> 32)).putInt((int) destination);
        frame.putShort((short) (source >>> 32)).putInt((int) source);
        frame.putShort((short) type);
        return frame.array();
    }

    /** IPv4 with eight bytes or more of something behind the header. */
    static byte[] ipv4(long mac, int source, int destination, int protocol, byte[] payload) {
        byte[] frame = ethernet(ROUTER, mac, 0x0800, 20 + payload.length);
        ByteBuffer buffer = ByteBuffer.wrap(frame);
        buffer.position(14);
        buffer.put((byte) 0x45).put((byte) 0).putShort((short) (20 + payload.length));
        buffer.putInt(0).put((byte) 64).put((byte) protocol).putShort((short) 0);
        buffer.putInt(source).putInt(destination).put(payload);
        return frame;
    }

    /** IPv6 with something behind the header, by the router. */
    static byte[] ipv6(
            long mac, Ipv6 source, Ipv6 destination, int next, int hops, byte[] payload) {
        byte[] frame = ethernet(ROUTER, mac, 0x86dd, 40 + payload.length);
        ByteBuffer buffer = ByteBuffer.wrap(frame);
        buffer.position(14);
        buffer.putInt(0x6000_0000).putShort((short) payload.length);
        buffer.put((byte) next).put((byte) hops);
        buffer.putLong(source.high()).putLong(source.low());
        buffer.putLong(destination.high()).putLong(destination.low()).put(payload);
        return frame;
    }

    static byte[] tcp(int from, int to, int flags) {
        return ByteBuffer.allocate(20)
                .putShort((short) from)
                .putShort((short) to)
                .putInt(1)
                .putInt(1)
                .put((byte) 0x50)
                .put((byte) flags)
                .array();
    }

    static byte[] udp(int from, int to, int bytes) {
        return ByteBuffer.allocate(8 + bytes)
                .putShort((short) from)
                .putShort((short) to)
                .putShort((short) (8 + bytes))
                .array();
    }

    static byte[] icmp(int type, int code, int id) {
        return ByteBuffer.allocate(16)
                .put((byte) type)
                .put((byte) code)
                .putShort((short) 0)
                .putShort((short) id)
                .array();
    }

    static byte[] arp(long mac, long senderMac, int sender, int target, int operation) {
        byte[] frame = ethernet(Wire.BROADCAST, mac, 0x0806, 28);
        ByteBuffer buffer = ByteBuffer.wrap(frame);
        buffer.position(14);
        buffer.putInt(0x0001_0800).putShort((short) 0x0604).putShort((short) operation);
        buffer.putShort((short) (senderMac >>> 32)).putInt((int) senderMac).putInt(sender);
        buffer.putShort((short) 0).putInt(0).putInt(target);
        return frame;
    }

    static Frame frame(byte[] bytes) {
        MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, bytes.length));
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return new Frame().wrap(memory, bytes.length);
    }

    static byte[] bytes(Frame frame) {
        MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, frame.length()));
        frame.copy(0, memory.address(), frame.length());
        return memory.asSlice(0, frame.length()).toArray(ValueLayout.JAVA_BYTE);
    }
}
