package niter.card.vpc;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;
import niter.controller.control.protocol.IpPermission;
import niter.controller.control.protocol.NetworkInterface;
import niter.controller.control.protocol.SetNetwork;
import niter.ena.EnaIdentity;

/** Reads the controller's messages into what the card works with; refuses what makes no sense. */
final class Configurations {
    static final int MTU = 9001;

    private Configurations() {}

    static EnaIdentity identity(NetworkInterface message) throws RefusedException {
        try {
            return EnaIdentity.of(message.getMac(), MTU);
        } catch (IllegalArgumentException e) {
            throw new RefusedException("mac: expected six bytes, got \"" + message.getMac() + "\"");
        }
    }

    static Interface networkInterface(NetworkInterface message) throws RefusedException {
        try {
            return new Interface(
                    message.getInterfaceId(),
                    identity(message).mac(),
                    Ipv4.address(message.getPrivateIpv4()),
                    Ipv4.Range.of(message.getSubnetCidr()),
                    Set.copyOf(message.getSecurityGroupList()),
                    message.getHostName(),
                    message.getSourceDestCheck(),
                    message.getPublicIpv4().isEmpty() ? 0 : Ipv4.address(message.getPublicIpv4()),
                    message.getIpv6().isEmpty() ? Ipv6.NONE : Ipv6.of(message.getIpv6()));
        } catch (IllegalArgumentException e) {
            throw new RefusedException(message.getInterfaceId() + ": " + e.getMessage());
        }
    }

    static Configuration network(SetNetwork message) throws RefusedException {
        Map<String, SecurityGroup> groups = new HashMap<>();
        List<Interface> interfaces = new ArrayList<>();
        for (niter.controller.control.protocol.SecurityGroup group :
                message.getSecurityGroupList()) {
            String id = group.getGroupId();
            groups.put(
                    id,
                    new SecurityGroup(
                            id,
                            rules(id, group.getIngressList()),
                            rules(id, group.getEgressList())));
        }
        for (NetworkInterface one : message.getInterfaceList()) {
            interfaces.add(networkInterface(one));
        }
        try {
            return new Configuration(
                    Ipv4.Range.of(message.getVpcCidr()),
                    message.getDomain(),
                    groups,
                    interfaces,
                    routes(message),
                    uplink(message));
        } catch (IllegalArgumentException e) {
            throw new RefusedException(String.valueOf(e.getMessage()));
        }
    }

    private static List<Route> routes(SetNetwork message) {
        List<Route> routes = new ArrayList<>();
        for (niter.controller.control.protocol.Route route : message.getRouteList()) {
            Route.Target target =
                    switch (route.getTarget()) {
                        case INTERNET_GATEWAY -> Route.Target.INTERNET_GATEWAY;
                        case BLACKHOLE -> Route.Target.BLACKHOLE;
                        case UNRECOGNIZED ->
                                throw new IllegalArgumentException(
                                        "route: expected a known target, got "
                                                + route.getTargetValue());
                    };
            routes.add(new Route(Ipv4.Range.of(route.getDestinationCidr()), target));
        }
        return routes;
    }

    /** An earlier controller knows of none: then no guest reaches that one address. */
    private static Ipv4.Range uplink(SetNetwork message) {
        return Ipv4.Range.of(
                message.getUplinkCidr().isEmpty() ? "0.0.0.0/32" : message.getUplinkCidr());
    }

    private static List<Rule> rules(String id, List<IpPermission> permissions)
            throws RefusedException {
        List<Rule> rules = new ArrayList<>();
        for (IpPermission one : permissions) {
            if (one.getCidr().isEmpty() == one.getGroupId().isEmpty()) {
                throw new RefusedException(id + ": expected either cidr or group_id");
            }
            try {
                rules.add(
                        new Rule(one.getProtocol(), one.getFromPort(), one.getToPort(), peer(one)));
            } catch (IllegalArgumentException e) {
                throw new RefusedException(id + ": " + e.getMessage());
            }
        }
        return rules;
    }

    private static Rule.Peer peer(IpPermission one) {
        if (one.getCidr().isEmpty()) {
            return new Rule.Members(one.getGroupId());
        }
        return one.getCidr().contains(":")
                ? new Rule.Addresses6(Ipv6.Range.of(one.getCidr()))
                : new Rule.Addresses(Ipv4.Range.of(one.getCidr()));
    }
}
