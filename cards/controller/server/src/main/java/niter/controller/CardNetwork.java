package niter.controller;

import java.util.Collection;
import java.util.List;
import niter.controller.control.ControlChannel;
import niter.controller.control.protocol.NetworkInterface;
import niter.controller.control.protocol.Route;
import niter.controller.control.protocol.RouteTarget;
import niter.controller.control.protocol.SetNetwork;
import niter.controller.control.protocol.ToCard;
import niter.controller.northbound.SecurityGroup;
import niter.controller.record.InstanceRecord;
import niter.controller.record.NetworkRecord;

/**
 * The whole VPC as its card is told it, in one message. A packet of the control channel bounds it:
 * whatever makes it larger is refused first where it would not fit.
 */
final class CardNetwork {
    private CardNetwork() {}

    /**
     * What the card is asked.
     *
     * @param instances those without an interface are not in it
     */
    static ToCard.Builder message(NetworkRecord network, Collection<InstanceRecord> instances) {
        SetNetwork.Builder all =
                SetNetwork.newBuilder()
                        .setVpcCidr(Network.VPC)
                        .setDomain(Network.DOMAIN)
                        .setUplinkCidr(Uplink.NETWORK)
                        .addRoute(
                                Route.newBuilder()
                                        .setDestinationCidr("0.0.0.0/0")
                                        .setTarget(RouteTarget.INTERNET_GATEWAY))
                        .addAllSecurityGroup(CardGroups.of(CardGroups.withRanges(network)));
        for (InstanceRecord record : instances) {
            if (Network.has(record)) {
                all.addInterface(networkInterface(record, network.getSecurityGroupList()));
            }
        }
        return ToCard.newBuilder().setSetNetwork(all);
    }

    /** An instance's interface, with those of the groups that it is in. */
    static NetworkInterface networkInterface(InstanceRecord record, List<SecurityGroup> groups) {
        return NetworkInterface.newBuilder()
                .setInterfaceId(record.getInterfaceId())
                .setMac(record.getMac())
                .setPrivateIpv4(record.getPrivateIpv4())
                .setSubnetCidr(Network.SUBNET)
                .addAllSecurityGroup(
                        SecurityGroups.of(record, groups).stream()
                                .map(SecurityGroup::getGroupId)
                                .toList())
                .setHostName(Network.hostName(record))
                .setSourceDestCheck(true)
                .setPublicIpv4(record.getPublicIpv4())
                .setIpv6(Network.ipv6(record))
                .build();
    }

    /** Whether the card can be told, under any id. */
    static boolean fits(NetworkRecord network, Collection<InstanceRecord> instances) {
        return ControlChannel.fits(message(network, instances).setId(-1L).build()); // the longest
    }
}
