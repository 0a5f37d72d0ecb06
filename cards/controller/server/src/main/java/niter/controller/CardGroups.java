package niter.controller;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import niter.controller.control.protocol.SecurityGroup;
import niter.controller.northbound.ManagedPrefixList;
import niter.controller.northbound.PrefixListEntry;
import niter.controller.northbound.SecurityGroupRule;
import niter.controller.record.NetworkRecord;

/** Security groups as the VPC card is told them. */
final class CardGroups {
    /** Of the one packet of 64 KiB that tells the card the whole VPC; interfaces have the rest. */
    static final int MAX_BYTES = 40 * 1024;

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

    /** Rules that name prefix lists as rules for each of the ranges in them. */
    static List<niter.controller.northbound.SecurityGroup> withRanges(NetworkRecord record) {
        Map<String, ManagedPrefixList> lists = new HashMap<>();
        record.getPrefixListList().forEach(list -> lists.put(list.getPrefixListId(), list));
        List<niter.controller.northbound.SecurityGroup> groups = new ArrayList<>();
        for (niter.controller.northbound.SecurityGroup group : record.getSecurityGroupList()) {
            niter.controller.northbound.SecurityGroup.Builder whole = group.toBuilder().clearRule();
            for (SecurityGroupRule rule : group.getRuleList()) {
                ManagedPrefixList list = lists.get(rule.getPrefixListId());
                if (list == null) {
                    whole.addRule(rule);
                    continue;
                }
                boolean ipv4 = list.getAddressFamily().equals("IPv4");
                for (PrefixListEntry entry : list.getEntryList()) {
                    SecurityGroupRule.Builder range = rule.toBuilder().clearPrefixListId();
                    whole.addRule(
                            ipv4
                                    ? range.setCidrIpv4(entry.getCidr())
                                    : range.setCidrIpv6(entry.getCidr()));
                }
            }
            groups.add(whole.build());
        }
        return groups;
    }

    /** How much of a message they are. */
    static int bytes(NetworkRecord record) {
        return of(withRanges(record)).stream().mapToInt(SecurityGroup::getSerializedSize).sum();
    }
}
