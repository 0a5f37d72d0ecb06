package niter.card.vpc;

import java.util.Set;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;

/**
 * A network interface as it is configured.
 *
 * @param id "eni-…"
 * @param mac its address, bits 47:40 are sent first
 * @param address its private IPv4 address
 * @param subnet contains it
 * @param groups ids of its security groups
 * @param hostName what DHCP tells it
 * @param checked source and destination must be its own address
 * @param publicAddress under which the world knows it, 0 for none
 * @param ipv6 its IPv6 address, {@link Ipv6#NONE} for none
 */
record Interface(
        String id,
        long mac,
        int address,
        Ipv4.Range subnet,
        Set<String> groups,
        String hostName,
        boolean checked,
        int publicAddress,
        Ipv6 ipv6) {
    private static final long LINK_LOCAL = 0xfe80L << 48; // fe80::/64

    Interface {
        if (!subnet.contains(address)) {
            throw new IllegalArgumentException(
                    "private_ipv4: expected an address of the subnet, got " + Ipv4.text(address));
        }
        if (ipv6.high() >>> 54 == LINK_LOCAL >>> 54
                || ipv6.high() >>> 56 == 0xff
                || ipv6.high() == 0 && !ipv6.equals(Ipv6.NONE)) {
            throw new IllegalArgumentException(
                    "ipv6: expected a global or unique local address, got " + ipv6);
        }
    }

    boolean hasIpv6() {
        return !ipv6.equals(Ipv6.NONE);
    }

    /** The router's IPv6 address on the link, made from its MAC address (RFC 4291, EUI-64). */
    Ipv6 routerIpv6() {
        long mac = routerMac();
        return new Ipv6(
                LINK_LOCAL, (mac >>> 24 ^ 0x02_0000) << 40 | 0xff_fe00_0000L | mac & 0xff_ffff);
    }

    /** The subnet's router: its first address. */
    int router() {
        return subnet.base() + 1;
    }

    /** The router's MAC address: made from the subnet's, so that it is the same for ever. */
    long routerMac() {
        return 0x0e00_0000_0000L | subnet.base() & 0xffff_ffffL;
    }
}
