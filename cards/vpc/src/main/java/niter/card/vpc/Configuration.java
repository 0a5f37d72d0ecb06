package niter.card.vpc;

import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;

/**
 * A VPC as the card is to serve it; replaced as a whole.
 *
 * @param range its addresses; the resolver is the second one
 * @param domain what DHCP tells as the domain name
 * @param groups by id
 * @param interfaces all of them
 * @param routes beside the local one
 * @param uplink the uplink's own network, which no guest reaches
 */
record Configuration(
        Ipv4.Range range,
        String domain,
        Map<String, SecurityGroup> groups,
        List<Interface> interfaces,
        List<Route> routes,
        Ipv4.Range uplink) {
    /**
     * Checks what no single part can.
     *
     * @throws IllegalArgumentException names the field and what was expected
     */
    Configuration {
        Set<Integer> addresses = new HashSet<>();
        Set<Ipv6> addresses6 = new HashSet<>();
        for (Interface one : interfaces) {
            if (!addresses.add(one.address())) {
                throw new IllegalArgumentException(
                        "private_ipv4: " + Ipv4.text(one.address()) + " has two interfaces");
            }
            if (one.hasIpv6() && !addresses6.add(one.ipv6())) {
                throw new IllegalArgumentException("ipv6: " + one.ipv6() + " has two interfaces");
            }
            if (!range.contains(one.subnet().base()) || one.subnet().bits() < range.bits()) {
                throw new IllegalArgumentException("subnet: expected a part of the VPC's range");
            }
            for (String group : one.groups()) {
                if (!groups.containsKey(group)) {
                    throw new IllegalArgumentException(
                            "security_group: there is no \"" + group + "\"");
                }
            }
        }
        Set<Ipv4.Range> destinations = new HashSet<>();
        for (Route route : routes) {
            if (!destinations.add(route.destination())) {
                throw new IllegalArgumentException(
                        "route: " + route.destination() + " has two targets");
            }
        }
        routes =
                routes.stream()
                        .sorted(Comparator.comparingInt(route -> -route.destination().bits()))
                        .toList();
        groups = Map.copyOf(groups);
        interfaces = List.copyOf(interfaces);
    }

    /** Where packets to an address outside the VPC go; dropped where no route says otherwise. */
    Route.Target route(int destination) {
        for (int i = 0; i < routes.size(); i++) {
            if (routes.get(i).destination().contains(destination)) {
                return routes.get(i).target();
            }
        }
        return Route.Target.BLACKHOLE;
    }

    /** The resolver's address. */
    int resolver() {
        return range.base() + 2;
    }
}
