package niter.controller;

import java.io.IOException;
import java.util.List;
import niter.controller.control.protocol.Drop;
import niter.controller.control.protocol.EnsureMetadata;
import niter.controller.control.protocol.ListDrops;
import niter.controller.control.protocol.PublicKey;
import niter.controller.control.protocol.RemoveMetadata;
import niter.controller.control.protocol.ToCard;
import niter.controller.northbound.SecurityGroup;
import niter.controller.record.InstanceRecord;

/**
 * What instances are told of themselves, as the process of the link-local services is asked to tell
 * it. The process starts when needed.
 */
final class Metadata {
    static final String CARD = "services";

    private static final String REGION = "us-east-1"; // whose domain is ec2.internal
    private static final String ZONE = "us-east-1a";
    private static final String ZONE_ID = "use1-az1";
    private static final String OWNER = "123456789012";
    private static final String VPC_ID = "vpc-00000000000000001";
    private static final String SUBNET_ID = "subnet-00000000000000001";
    private static final int ID_DIGITS = 17;

    private final Card card;
    private final CardProcess process;
    private final SecurityGroups groups;

    Metadata(Card card, CardProcess process, SecurityGroups groups) {
        this.card = card;
        this.process = process;
        this.groups = groups;
    }

    /** Tells the services about an instance. */
    void serve(InstanceRecord record) throws Card.RefusedException, IOException {
        process.start();
        EnsureMetadata.Builder metadata =
                EnsureMetadata.newBuilder()
                        .setInterfaceId(record.getInterfaceId())
                        .setMac(record.getMac())
                        .setPrivateIpv4(record.getPrivateIpv4())
                        .setSubnetCidr(Network.SUBNET)
                        .setVpcCidr(Network.VPC)
                        .setDomain(Network.DOMAIN)
                        .setHostName(Network.hostName(record))
                        .setPublicIpv4(record.getPublicIpv4())
                        .setIpv6(Network.ipv6(record))
                        .setSubnetIpv6Cidr(Network.SUBNET_IPV6)
                        .setVpcIpv6Cidr(Network.VPC_IPV6)
                        .setInstanceId(record.getInstanceId())
                        .setInstanceType(record.getInstanceType())
                        .setImageId(imageId(record))
                        .setReservationId(record.getReservationId())
                        .setLaunchIndex(record.getLaunchIndex())
                        .setLaunchedUnixMs(record.getLaunchedUnixMs())
                        .setRootDevice("xvda")
                        .setVpcId(VPC_ID)
                        .setSubnetId(SUBNET_ID)
                        .setOwnerId(OWNER)
                        .setAvailabilityZone(ZONE)
                        .setAvailabilityZoneId(ZONE_ID)
                        .setRegion(REGION)
                        .setHopLimit(1);
        for (SecurityGroup group : groups.of(record)) {
            metadata.addSecurityGroup(group.getGroupName());
            metadata.addSecurityGroupId(group.getGroupId());
        }
        for (niter.controller.record.PublicKey key : record.getPublicKeyList()) {
            metadata.addPublicKey(
                    PublicKey.newBuilder()
                            .setName(key.getName())
                            .setOpensshKey(key.getOpensshKey()));
        }
        if (record.hasUserData()) {
            metadata.setUserData(record.getUserData());
        }
        card.ask(ToCard.newBuilder().setEnsureMetadata(metadata));
    }

    /** An image has its digest for an id, as long as EC2's are. */
    private static String imageId(InstanceRecord record) {
        String digest = record.getImageDigest().replaceAll("[^0-9a-f]", "");
        return "ami-" + (digest + "0".repeat(ID_DIGITS)).substring(0, ID_DIGITS);
    }

    /** What the services dropped, by reason; none while they do not run. */
    List<Drop> drops() throws Card.RefusedException, IOException {
        if (!process.isRunning()) {
            return List.of();
        }
        return card.ask(ToCard.newBuilder().setListDrops(ListDrops.getDefaultInstance()))
                .getDrops()
                .getDropList();
    }

    /** Forgets an instance. */
    void withdraw(String interfaceId) throws Card.RefusedException, IOException {
        process.start();
        card.ask(
                ToCard.newBuilder()
                        .setRemoveMetadata(
                                RemoveMetadata.newBuilder().setInterfaceId(interfaceId)));
    }
}
