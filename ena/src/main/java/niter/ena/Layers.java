package niter.ena;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Where the layers of a frame begin, and what they are, as far as its head shows. Numbers from the
 * wire are checked against the head's length; offsets are from the frame's first byte.
 */
public final class Layers {
    /** EtherTypes. */
    public static final int IPV4 = 0x0800;

    public static final int IPV6 = 0x86dd;
    public static final int ARP = 0x0806;

    /** IP protocol numbers. */
    public static final int ICMP = 1;

    public static final int TCP = 6;
    public static final int UDP = 17;
    public static final int ICMPV6 = 58;

    /** No protocol: not IP, or headers that end too early. */
    public static final int NONE = -1;

    static final ValueLayout.OfShort BE16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt BE32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final int IPV6_HEADER = 40;
    private static final int MAX_EXTENSIONS = 8;

    private int etherType;
    private int vlanTags;
    private int network;
    private int transport;
    private int protocol;
    private boolean fragment;
    private boolean firstFragment;
    private int fragmentId;
    private int fragmentOffset;
    private int fragmentStart;

    /** Knows nothing yet. */
    public Layers() {}

    /** Looks at a frame's head. */
    public Layers parse(Frame frame) {
        MemorySegment head = frame.head();
        int length = frame.headLength();
        protocol = NONE;
        transport = 0;
        fragment = false;
        firstFragment = false;
        vlanTags = 0;
        etherType = 0;
        network = Limits.ETHERNET;
        if (length < Limits.ETHERNET) {
            return this;
        }
        etherType = u16(head, network - 2);
        while ((etherType == 0x8100 || etherType == 0x88a8) && vlanTags < 2) {
            if (length < network + Limits.VLAN_TAG) {
                etherType = 0;
                return this;
            }
            vlanTags++;
            network += Limits.VLAN_TAG;
            etherType = u16(head, network - 2);
        }
        if (etherType == IPV4) {
            ipv4(head, length);
        } else if (etherType == IPV6) {
            ipv6(head, length);
        }
        boolean ports = protocol == TCP || protocol == UDP;
        if (ports && (!fragment || firstFragment) && length < transport + 8) {
            protocol = NONE; // a header that ends too early
        }
        return this;
    }

    private void ipv4(MemorySegment head, int length) {
        if (length < network + 20) {
            return;
        }
        int first = u8(head, network);
        int header = (first & 0xf) * 4;
        if (first >>> 4 != 4 || header < 20 || length < network + header) {
            return;
        }
        int fragments = u16(head, network + 6);
        fragment = (fragments & 0x3fff) != 0; // more fragments, or an offset
        firstFragment = fragment && (fragments & 0x1fff) == 0;
        fragmentId = u16(head, network + 4);
        fragmentOffset = (fragments & 0x1fff) * 8;
        fragmentStart = network + header;
        protocol = u8(head, network + 9);
        transport = network + header;
    }

    private void ipv6(MemorySegment head, int length) {
        if (length < network + IPV6_HEADER || u8(head, network) >>> 4 != 6) {
            return;
        }
        int next = u8(head, network + 6);
        int at = network + IPV6_HEADER;
        for (int i = 0; i < MAX_EXTENSIONS && isExtension(next); i++) {
            if (length < at + 8) {
                return;
            }
            if (next == 44) {
                int fragments = u16(head, at + 2);
                fragment = (fragments & 0xfff9) != 0; // an atomic fragment is whole
                firstFragment = fragment && fragments >>> 3 == 0;
                fragmentId = head.get(BE32, at + 4);
                fragmentOffset = fragments & 0xfff8;
                next = u8(head, at);
                at += 8;
                fragmentStart = at;
            } else {
                int bytes = (u8(head, at + 1) + 1) * 8;
                next = u8(head, at);
                at += bytes;
            }
            if (fragment && !firstFragment) {
                break; // what follows is no header
            }
        }
        if (isExtension(next) && !(fragment && !firstFragment) || at > length) {
            return;
        }
        protocol = next;
        transport = at;
    }

    private static boolean isExtension(int next) {
        return next == 0 || next == 43 || next == 44 || next == 60;
    }

    /** The EtherType behind VLAN tags; 0 where the frame is too short for one. */
    public int etherType() {
        return etherType;
    }

    /** VLAN tags, 0 to 2. */
    public int vlanTags() {
        return vlanTags;
    }

    /** Where the layer-3 header begins. */
    public int network() {
        return network;
    }

    /** Where the layer-4 header begins; 0 where {@link #protocol} is {@link #NONE}. */
    public int transport() {
        return transport;
    }

    /** The IP protocol number, {@link #NONE} where there is no whole IP header. */
    public int protocol() {
        return protocol;
    }

    /** Whether it is a part of an IP packet. */
    public boolean isFragment() {
        return fragment;
    }

    /** Whether it is the part of an IP packet that has the layer-4 header. */
    public boolean isFirstFragment() {
        return firstFragment;
    }

    /** What a fragment has in common with the other parts of its packet. */
    public int fragmentId() {
        return fragmentId;
    }

    /** Where a fragment lies in its packet's fragmentable part, in bytes. */
    public int fragmentOffset() {
        return fragmentOffset;
    }

    /** Where a fragment's share of the fragmentable part begins in the frame. */
    public int fragmentStart() {
        return fragmentStart;
    }

    private static int u8(MemorySegment head, int offset) {
        return head.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
    }

    private static int u16(MemorySegment head, int offset) {
        return head.get(BE16, offset) & 0xffff;
    }
}
