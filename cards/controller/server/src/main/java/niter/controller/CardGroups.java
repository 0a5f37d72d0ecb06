package niter.controller;

import java.util.Collection;
import java.util.List;
import niter.controller.control.protocol.SecurityGroup;

/** Security groups as the VPC card is told them. */
final class CardGroups {
    /** Of the one packet of 64 KiB that tells the card the whole VPC; interfaces have the rest. */
    private static final int MAX_BYTES = 40 * 1024;

    private CardGroups() {}

    static List<SecurityGroup> of(Collection<niter.controller.northbound.SecurityGroup> groups) {
        return groups.stream().map(CardGroups::of).toList();
    }

    private static SecurityGroup of(niter.controller.northbound.SecurityGroup group) {
        return SecurityGroup.newBuilder()
                .setGroupId(group.getGroupId())
                .addAllIngress(Permissions.forCard(group.getRuleList(), false))
                .addAllEgress(Permissions.forCard(group.getRuleList(), true))
                .build();
    }

    /** Whether the card can be told all of them. */
    static boolean fit(Collection<niter.controller.northbound.SecurityGroup> groups) {
        return of(groups).stream().mapToInt(SecurityGroup::getSerializedSize).sum() <= MAX_BYTES;
    }
}
