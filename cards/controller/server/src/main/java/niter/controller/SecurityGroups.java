package niter.controller;

import io.grpc.Status;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import niter.controller.northbound.ManagedPrefixList;
import niter.controller.northbound.SecurityGroup;
import niter.controller.northbound.SecurityGroupRule;
import niter.controller.record.InstanceRecord;
import niter.controller.record.NetworkRecord;
import org.jspecify.annotations.Nullable;

/**
 * The VPC's security groups, with EC2's rules about them. Each change is durable before it returns.
 * Two are there from the beginning: {@code default}, whose members reach each other, and {@code
 * niter-run}, which lets callers on the host in at port 22.
 */
final class SecurityGroups {
    static final String DEFAULT = "default";
    static final String RUN = "niter-run";

    private static final int MAX_GROUPS = 500;
    private static final int MAX_RULES = 60; // in each direction
    private static final int MAX_PER_INTERFACE = 5;
    private static final Pattern TEXT = Pattern.compile("[A-Za-z0-9 ._\\-:/()#,@\\[\\]+=&;{}!$*]*");
    private static final int MAX_TEXT = 255;

    private final NetworkFile file;
    private final Supplier<Collection<InstanceRecord>> instances;

    /**
     * Groups in a file.
     *
     * @param instances whose groups cannot be deleted
     */
    SecurityGroups(NetworkFile file, Supplier<Collection<InstanceRecord>> instances) {
        this.file = file;
        this.instances = instances;
    }

    /** Those that a VPC begins with. */
    static List<SecurityGroup> first() {
        SecurityGroup whole = fresh(DEFAULT, "default VPC security group");
        SecurityGroupRule.Builder members =
                SecurityGroupRule.newBuilder()
                        .setSecurityGroupRuleId(Ids.make("sgr"))
                        .setIpProtocol("-1")
                        .setFromPort(-1)
                        .setToPort(-1)
                        .setReferencedGroupId(whole.getGroupId());
        SecurityGroupRule.Builder ssh =
                SecurityGroupRule.newBuilder()
                        .setSecurityGroupRuleId(Ids.make("sgr"))
                        .setIpProtocol("tcp")
                        .setFromPort(22)
                        .setToPort(22)
                        .setCidrIpv4(Uplink.CALLERS);
        return List.of(
                whole.toBuilder().addRule(members).build(),
                fresh(RUN, "ssh from this host to instances of niter run").toBuilder()
                        .addRule(ssh)
                        .build());
    }

    /** A group as EC2 makes it: everything may leave, nothing come in. */
    private static SecurityGroup fresh(String name, String description) {
        return SecurityGroup.newBuilder()
                .setGroupId(Ids.make("sg"))
                .setGroupName(name)
                .setDescription(description)
                .addRule(everything().setCidrIpv4("0.0.0.0/0"))
                .addRule(everything().setCidrIpv6("::/0"))
                .build();
    }

    private static SecurityGroupRule.Builder everything() {
        return SecurityGroupRule.newBuilder()
                .setSecurityGroupRuleId(Ids.make("sgr"))
                .setIsEgress(true)
                .setIpProtocol("-1")
                .setFromPort(-1)
                .setToPort(-1);
    }

    /** Puts a group in place of the one with its id, or forgets it. */
    private void replace(String id, @Nullable SecurityGroup next) throws ApiException, IOException {
        NetworkRecord.Builder record = file.record().toBuilder().clearSecurityGroup();
        boolean there = false;
        for (SecurityGroup group : all()) {
            boolean same = group.getGroupId().equals(id);
            there |= same;
            if (!same) {
                record.addSecurityGroup(group);
            } else if (next != null) {
                record.addSecurityGroup(next);
            }
        }
        if (!there && next != null) {
            record.addSecurityGroup(next);
        }
        file.replace(record.build());
    }

    // ---- looking

    /** All of them. */
    List<SecurityGroup> all() {
        return file.record().getSecurityGroupList();
    }

    /** All of them and the prefix lists that they name. */
    NetworkRecord record() {
        return file.record();
    }

    /** All of them, with ranges where rules name prefix lists. */
    List<SecurityGroup> inForce() {
        return CardGroups.withRanges(file.record());
    }

    /**
     * A group by id or name.
     *
     * @throws ApiException InvalidGroup.NotFound
     */
    SecurityGroup find(String idOrName) throws ApiException {
        @Nullable SecurityGroup found = null;
        for (SecurityGroup group : all()) {
            boolean id = group.getGroupId().equals(idOrName);
            if (id || found == null && group.getGroupName().equals(idOrName)) {
                found = group;
            }
        }
        if (found == null) {
            throw new ApiException(
                    Status.Code.NOT_FOUND,
                    "InvalidGroup.NotFound: security_group: expected an id or a name that niter sg"
                            + " list shows, got \""
                            + idOrName
                            + "\"");
        }
        return found;
    }

    /** Ids of groups that are named by id or name; of the default group where none is named. */
    List<String> ids(List<String> named) throws ApiException {
        Set<String> ids = new LinkedHashSet<>();
        for (String one : named.isEmpty() ? List.of(DEFAULT) : named) {
            ids.add(find(one).getGroupId());
        }
        if (ids.size() > MAX_PER_INTERFACE) {
            throw ApiException.invalid(
                    "SecurityGroupsPerInterfaceLimitExceeded: security_group: expected at most 5");
        }
        return List.copyOf(ids);
    }

    /** The groups of an instance that still exist. */
    List<SecurityGroup> of(InstanceRecord record) {
        return of(record, all());
    }

    /** Those of some groups that are an instance's. */
    static List<SecurityGroup> of(InstanceRecord record, List<SecurityGroup> some) {
        List<SecurityGroup> groups = new ArrayList<>();
        for (SecurityGroup group : some) {
            boolean ofAnEarlierVersion =
                    record.getSecurityGroupCount() == 0 && group.getGroupName().equals(DEFAULT);
            if (ofAnEarlierVersion || record.getSecurityGroupList().contains(group.getGroupId())) {
                groups.add(group);
            }
        }
        return groups;
    }

    // ---- changing

    /** Makes a group that lets nothing in. */
    synchronized SecurityGroup create(String name, String description)
            throws ApiException, IOException {
        text("group_name", name);
        text("description", description);
        if (name.startsWith("sg-") || name.startsWith("pl-")) {
            throw ApiException.invalid(
                    "InvalidParameterValue: group_name: expected it not to begin with sg- or pl-");
        }
        for (SecurityGroup group : all()) {
            if (group.getGroupName().equals(name)) {
                throw name.equals(DEFAULT)
                        ? ApiException.invalid(
                                "InvalidGroup.Reserved: group_name: default is reserved")
                        : new ApiException(
                                Status.Code.ALREADY_EXISTS,
                                "InvalidGroup.Duplicate: group_name: %s is the name of %s"
                                        .formatted(name, group.getGroupId()));
            }
        }
        if (all().size() >= MAX_GROUPS) {
            throw ApiException.exhausted("SecurityGroupLimitExceeded: there are 500 already");
        }
        SecurityGroup made = fresh(name, description);
        replace(made.getGroupId(), made);
        return made;
    }

    static void text(String field, String text) throws ApiException {
        if (text.isBlank() || text.length() > MAX_TEXT || !TEXT.matcher(text).matches()) {
            throw ApiException.invalid(
                    "InvalidParameterValue: "
                            + field
                            + ": expected up to 255 letters, digits, spaces and"
                            + " ._-:/()#,@[]+=&;{}!$*, got \""
                            + text
                            + "\"");
        }
    }

    /** Deletes a group that nobody uses. */
    synchronized SecurityGroup delete(String idOrName) throws ApiException, IOException {
        SecurityGroup group = find(idOrName);
        if (group.getGroupName().equals(DEFAULT)) {
            throw ApiException.precondition(
                    "CannotDelete: the default security group cannot be deleted");
        }
        for (InstanceRecord record : instances.get()) {
            if (record.getSecurityGroupList().contains(group.getGroupId())) {
                throw ApiException.precondition(
                        "DependencyViolation: %s is used by %s"
                                .formatted(group.getGroupId(), record.getInstanceId()));
            }
        }
        for (SecurityGroup other : all()) {
            for (SecurityGroupRule rule : other.getRuleList()) {
                if (other != group && rule.getReferencedGroupId().equals(group.getGroupId())) {
                    throw ApiException.precondition(
                            "DependencyViolation: %s is named by a rule of %s"
                                    .formatted(group.getGroupId(), other.getGroupId()));
                }
            }
        }
        replace(group.getGroupId(), null);
        return group;
    }

    /** Adds rules, all or none; the group with those that were added. */
    synchronized SecurityGroup authorize(
            String idOrName, boolean egress, List<SecurityGroupRule> rules)
            throws ApiException, IOException {
        SecurityGroup group = find(idOrName);
        SecurityGroup.Builder next = group.toBuilder();
        SecurityGroup.Builder added = group.toBuilder().clearRule();
        for (SecurityGroupRule asked : some(rules)) {
            SecurityGroupRule rule =
                    checked(asked, egress).toBuilder()
                            .setSecurityGroupRuleId(Ids.make("sgr"))
                            .build();
            for (SecurityGroupRule other : next.getRuleList()) {
                if (Permissions.same(other, rule)) {
                    throw new ApiException(
                            Status.Code.ALREADY_EXISTS,
                            "InvalidPermission.Duplicate: the rule is there already: "
                                    + other.getSecurityGroupRuleId());
                }
            }
            next.addRule(rule);
            added.addRule(rule);
        }
        int weight = 0;
        for (SecurityGroupRule rule : next.getRuleList()) {
            weight += rule.getIsEgress() == egress ? weight(rule) : 0;
        }
        if (weight > MAX_RULES) {
            throw ApiException.exhausted(
                    "RulesPerSecurityGroupLimitExceeded: expected at most 60 rules in each"
                            + " direction, a prefix list counted as its max_entries");
        }
        replace(group.getGroupId(), next.build());
        return added.build();
    }

    private static List<SecurityGroupRule> some(List<SecurityGroupRule> rules) throws ApiException {
        if (rules.isEmpty()) {
            throw ApiException.invalid("MissingParameter: rule: expected at least one");
        }
        return rules;
    }

    private SecurityGroupRule checked(SecurityGroupRule rule, boolean egress) throws ApiException {
        SecurityGroupRule.Builder whole = rule.toBuilder().setIsEgress(egress);
        if (!rule.getReferencedGroupId().isEmpty()) {
            whole.setReferencedGroupId(find(rule.getReferencedGroupId()).getGroupId());
        }
        if (rule.getPrefixListId().isEmpty()) {
            return Permissions.canonical(whole.build(), "");
        }
        ManagedPrefixList list = PrefixLists.find(file.record(), rule.getPrefixListId());
        return Permissions.canonical(whole.build(), list.getAddressFamily());
    }

    /** How many rules it counts for. */
    private int weight(SecurityGroupRule rule) throws ApiException {
        return rule.getPrefixListId().isEmpty()
                ? 1
                : PrefixLists.find(file.record(), rule.getPrefixListId()).getMaxEntries();
    }

    /** Removes rules, all or none; the group with those that were removed. */
    synchronized SecurityGroup revoke(
            String idOrName, boolean egress, List<SecurityGroupRule> rules, List<String> ruleIds)
            throws ApiException, IOException {
        SecurityGroup group = find(idOrName);
        List<SecurityGroupRule> left = new ArrayList<>(group.getRuleList());
        SecurityGroup.Builder removed = group.toBuilder().clearRule();
        for (String id : ruleIds) {
            removed.addRule(take(left, egress, rule -> rule.getSecurityGroupRuleId().equals(id)));
        }
        for (SecurityGroupRule asked : ruleIds.isEmpty() ? some(rules) : rules) {
            SecurityGroupRule wanted = checked(asked, egress);
            removed.addRule(take(left, egress, rule -> Permissions.same(rule, wanted)));
        }
        replace(group.getGroupId(), group.toBuilder().clearRule().addAllRule(left).build());
        return removed.build();
    }

    private interface Test {
        boolean fits(SecurityGroupRule rule);
    }

    private static SecurityGroupRule take(List<SecurityGroupRule> rules, boolean egress, Test test)
            throws ApiException {
        for (int i = 0; i < rules.size(); i++) {
            if (rules.get(i).getIsEgress() == egress && test.fits(rules.get(i))) {
                return rules.remove(i);
            }
        }
        throw new ApiException(
                Status.Code.NOT_FOUND,
                "InvalidPermission.NotFound: the group has no such rule: niter sg list shows them");
    }
}
