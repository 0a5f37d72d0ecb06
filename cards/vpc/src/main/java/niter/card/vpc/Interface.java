package niter.card.vpc;

import java.util.Set;
import niter.controller.control.Ipv4;

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
 */
record Interface(
        String id,
        long mac,
        int address,
        Ipv4.Range subnet,
        Set<String> groups,
        String hostName,
        boolean checked,
        int publicAddress) {
    Interface {
        if (!subnet.contains(address)) {
            throw new IllegalArgumentException(
                    "private_ipv4: expected an address of the subnet, got " + Ipv4.text(address));
        }
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
