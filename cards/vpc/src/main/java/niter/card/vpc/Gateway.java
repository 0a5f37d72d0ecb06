package niter.card.vpc;

import java.util.List;
import niter.controller.control.Ipv4;

/** Which addresses an internet gateway routes, and which it lets in. */
final class Gateway {
    /**
     * What no guest reaches by the uplink, whatever the routes say: the host's loopback and
     * link-local addresses, "this network", multicast, and what is not assigned (RFC 6890).
     */
    private static final List<Ipv4.Range> UNROUTED =
            List.of(
                    Ipv4.Range.of("0.0.0.0/8"),
                    Ipv4.Range.of("127.0.0.0/8"),
                    Ipv4.Range.of("169.254.0.0/16"),
                    Ipv4.Range.of("224.0.0.0/3"));

    private Gateway() {}

    /** Whether a packet is for callers on the host, who may be answered and not be called. */
    static boolean isCaller(Configuration vpc, Interface own, int destination) {
        return own.publicAddress() != 0 && destination == vpc.uplink().base() + 2;
    }

    /** Whether an interface's packet goes out. */
    static boolean carries(Configuration vpc, Interface own, int destination) {
        return own.publicAddress() != 0
                && vpc.route(destination) == Route.Target.INTERNET_GATEWAY
                && !isForeign(vpc, destination)
                && !vpc.uplink().contains(destination);
    }

    /** Whether a packet from the uplink says that it comes from where it cannot come from. */
    static boolean isForeign(Configuration vpc, int address) {
        if (vpc.range().contains(address)) {
            return true;
        }
        for (int i = 0; i < UNROUTED.size(); i++) {
            if (UNROUTED.get(i).contains(address)) {
                return true;
            }
        }
        return false;
    }
}
