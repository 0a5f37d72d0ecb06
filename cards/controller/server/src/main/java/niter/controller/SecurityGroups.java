package niter.controller;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import niter.controller.control.StateDirectory;
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

    private static final int VERSION = 1;
    private static final int MAX_GROUPS = 500;
    private static final int MAX_RULES = 60; // in each direction
    private static final int MAX_PER_INTERFACE = 5;
    private static final Pattern TEXT = Pattern.compile("[A-Za-z0-9 ._\\-:/()#,@\\[\\]+=&;{}!$*]*");
    private static final int MAX_TEXT = 255;

    private final Path file;
    private final Supplier<Collection<InstanceRecord>> instances;
    private final Map<String, SecurityGroup> byId = new LinkedHashMap<>(); // guarded by this

    /**
     * Reads them, or makes the first two.
     *
     * @param instances whose groups cannot be deleted
     * @throws IOException with one line that names the file, if it cannot be read
     */
    SecurityGroups(StateDirectory state, Supplier<Collection<InstanceRecord>> instances)
            throws IOException {
        file = state.root().resolve("network");
        this.instances = instances;
        if (Files.exists(file)) {
            read().getSecurityGroupList().forEach(group -> byId.put(group.getGroupId(), group));
        } else {
            makeFirst();
        }
    }

    private NetworkRecord read() throws IOException {
        try {
            NetworkRecord record = NetworkRecord.parseFrom(Files.readAllBytes(file));
            if (record.getVersion() > VERSION) {
                throw new IOException(
                        "%s: version %d, this niter knows %d: update niter"
                                .formatted(file, record.getVersion(), VERSION));
            }
            boolean whole =
                    record.getSecurityGroupList().stream()
                            .anyMatch(group -> group.getGroupName().equals(DEFAULT));
            if (!whole) {
                throw new IOException(
                        file + ": is damaged (it has no default group): restore or delete it");
            }
            return record;
        } catch (InvalidProtocolBufferException e) {
            throw new IOException(
                    file + ": is damaged (" + e.getMessage() + "): restore or delete it", e);
        }
    }

    private void makeFirst() throws IOException {
        SecurityGroup whole = fresh(DEFAULT, "default VPC security group");
        SecurityGroupRule.Builder members =
                SecurityGroupRule.newBuilder()
                        .setSecurityGroupRuleId(Ids.make("sgr"))
                        .setIpProtocol("-1")
                        .setFromPort(-1)
                        .setToPort(-1)
                        .setReferencedGroupId(whole.getGroupId());
        byId.put(whole.getGroupId(), whole.toBuilder().addRule(members).build());
        SecurityGroup run = fresh(RUN, "ssh from this host to instances of niter run");
        SecurityGroupRule.Builder ssh =
                SecurityGroupRule.newBuilder()
                        .setSecurityGroupRuleId(Ids.make("sgr"))
                        .setIpProtocol("tcp")
                        .setFromPort(22)
                        .setToPort(22)
                        .setCidrIpv4(Uplink.CALLERS);
        byId.put(run.getGroupId(), run.toBuilder().addRule(ssh).build());
        write();
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

    private void write() throws IOException {
        DurableFile.write(
                file,
                NetworkRecord.newBuilder()
                        .setVersion(VERSION)
                        .addAllSecurityGroup(byId.values())
                        .build()
                        .toByteArray());
    }

    /** Puts a group in place of the one with its id, or forgets it; undone where that fails. */
    private void replace(String id, @Nullable SecurityGroup next) throws ApiException, IOException {
        Map<String, SecurityGroup> before = new LinkedHashMap<>(byId);
        if (next == null) {
            byId.remove(id);
        } else {
            byId.put(id, next);
        }
        try {
            if (next != null && !CardGroups.fit(byId.values())) {
                throw ApiException.exhausted(
                        "RulesPerSecurityGroupLimitExceeded: all groups together have more rules"
                                + " than the VPC card can be told: delete some");
            }
            write();
        } catch (ApiException | IOException e) {
            byId.clear();
            byId.putAll(before);
            throw e;
        }
    }

    // ---- looking

    /** All of them. */
    synchronized List<SecurityGroup> all() {
        return List.copyOf(byId.values());
    }

    /**
     * A group by id or name.
     *
     * @throws ApiException InvalidGroup.NotFound
     */
    synchronized SecurityGroup find(String idOrName) throws ApiException {
        @Nullable SecurityGroup found = byId.get(idOrName);
        for (SecurityGroup group : byId.values()) {
            if (found == null && group.getGroupName().equals(idOrName)) {
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
    synchronized List<SecurityGroup> of(InstanceRecord record) {
        List<SecurityGroup> groups = new ArrayList<>();
        for (SecurityGroup group : byId.values()) {
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
        if (name.startsWith("sg-")) {
            throw ApiException.invalid(
                    "InvalidParameterValue: group_name: expected it not to begin with sg-");
        }
        for (SecurityGroup group : byId.values()) {
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
        if (byId.size() >= MAX_GROUPS) {
            throw ApiException.exhausted("SecurityGroupLimitExceeded: there are 500 already");
        }
        SecurityGroup made = fresh(name, description);
        replace(made.getGroupId(), made);
        return made;
    }

    private static void text(String field, String text) throws ApiException {
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
        for (SecurityGroup other : byId.values()) {
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
        long count =
                next.getRuleList().stream().filter(rule -> rule.getIsEgress() == egress).count();
        if (count > MAX_RULES) {
            throw ApiException.exhausted(
                    "RulesPerSecurityGroupLimitExceeded: expected at most 60 rules in each"
                            + " direction");
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
        if (rule.getReferencedGroupId().startsWith("pl-")) {
            throw ApiException.invalid(
                    "UnsupportedOperation: prefix_list_id: this version has no prefix lists");
        }
        if (!rule.getReferencedGroupId().isEmpty()) {
            whole.setReferencedGroupId(find(rule.getReferencedGroupId()).getGroupId());
        }
        return Permissions.canonical(whole.build());
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
