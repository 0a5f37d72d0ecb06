package niter.card.vpc;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import niter.ena.Frame;

/**
 * Blocks of a capture file, draft-ietf-opsawg-pcapng, in this machine's byte order; one section
 * with one interface. Every block's length is a multiple of four.
 */
final class Pcapng {
    /** Directions of a packet, seen from the interface's guest: bits 1:0 of epb_flags. */
    static final int INBOUND = 1;

    static final int OUTBOUND = 2;

    /** The longest block: header, options and trailer around the longest frame. */
    static final int MAX_BYTES = 28 + Frame.MAX_BYTES + 3 + 8 + 12 + 4 + 4;

    private static final int SECTION_HEADER = 0x0a0d_0d0a;
    private static final int INTERFACE_DESCRIPTION = 1;
    private static final int ENHANCED_PACKET = 6;
    private static final int BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
    private static final int LINKTYPE_ETHERNET = 1;
    private static final int NANOSECONDS = 9; // a tenth's power

    // Options.
    private static final int END = 0;
    private static final int IF_NAME = 2;
    private static final int IF_MAC_ADDRESS = 6;
    private static final int IF_TIME_RESOLUTION = 9;
    private static final int EPB_FLAGS = 2;
    private static final int EPB_DROP_COUNT = 4;

    private final MemorySegment memory;
    private int at;

    /**
     * Writes into memory of the caller's.
     *
     * @param memory {@link #MAX_BYTES} or more, aligned to eight bytes
     */
    Pcapng(MemorySegment memory) {
        this.memory = memory;
    }

    /**
     * Begins a section with its interface, which is what every file and every continuation starts
     * with.
     *
     * @return bytes, of two blocks
     */
    int begin(String interfaceId, long mac) {
        at = 0;
        u32(SECTION_HEADER);
        u32(28);
        u32(BYTE_ORDER_MAGIC);
        u32(1); // version 1.0
        u32(-1); // the section's length is not known: 64 bits
        u32(-1);
        u32(28);
        int start = at;
        u32(INTERFACE_DESCRIPTION);
        u32(0);
        u32(LINKTYPE_ETHERNET);
        u32(0); // no packet is cut
        byte[] name = interfaceId.getBytes(StandardCharsets.UTF_8);
        option(IF_NAME, name.length);
        MemorySegment.copy(name, 0, memory, JAVA_BYTE, at, name.length);
        pad(name.length);
        option(IF_MAC_ADDRESS, Wire.MAC_BYTES);
        Wire.mac(memory, at, mac);
        pad(Wire.MAC_BYTES);
        option(IF_TIME_RESOLUTION, 1);
        memory.set(JAVA_BYTE, at, (byte) NANOSECONDS);
        pad(1);
        option(END, 0);
        end(start);
        return at;
    }

    /**
     * Writes a packet.
     *
     * @param direction {@link #INBOUND} or {@link #OUTBOUND}
     * @param nanos since 1970
     * @param lost packets of this interface between this one and the one before it
     * @return bytes
     */
    int packet(Frame frame, int direction, long nanos, long lost) {
        int length = frame.length();
        at = 0;
        u32(ENHANCED_PACKET);
        u32(0);
        u32(0); // the interface
        u32((int) (nanos >>> 32));
        u32((int) nanos);
        u32(length);
        u32(length);
        frame.copy(0, memory.address() + at, length);
        pad(length);
        option(EPB_FLAGS, Integer.BYTES);
        u32(direction);
        if (lost != 0) {
            option(EPB_DROP_COUNT, Long.BYTES);
            memory.set(JAVA_LONG_UNALIGNED, at, lost);
            at += Long.BYTES;
        }
        option(END, 0);
        end(0);
        return at;
    }

    private void u32(int value) {
        memory.set(JAVA_INT, at, value);
        at += Integer.BYTES;
    }

    private void option(int code, int length) {
        memory.set(JAVA_SHORT, at, (short) code);
        memory.set(JAVA_SHORT, at + 2, (short) length);
        at += 4;
    }

    /** Goes behind so many bytes and fills up with zeros. */
    private void pad(int bytes) {
        at += bytes;
        while (at % Integer.BYTES != 0) {
            memory.set(JAVA_BYTE, at++, (byte) 0);
        }
    }

    private void end(int start) {
        int length = at + Integer.BYTES - start;
        u32(length);
        memory.set(JAVA_INT, start + Integer.BYTES, length);
    }
}
