package niter.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import niter.controller.northbound.DescribeSecurityGroupsRequest;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.SecurityGroup;
import niter.controller.northbound.SecurityGroupRule;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Lists security groups and their rules. */
@Command(
        name = "list",
        mixinStandardHelpOptions = true,
        description = "List security groups and their rules.")
final class SgListCommand implements Runnable {
    @Mixin private JsonOption json = new JsonOption();

    @Parameters(arity = "0..*", paramLabel = "GROUP", description = "Ids or names; default: all.")
    private List<String> groups = new ArrayList<>();

    @Override
    public void run() {
        Table table = new Table("Group", "Name", "Rule", "Direction", "Protocol", "Port", "Source");
        try (NorthboundChannel channel = Host.open().connect()) {
            var controller = channel.blocking();
            var all = DescribeSecurityGroupsRequest.getDefaultInstance();
            Map<String, String> names = new TreeMap<>();
            controller
                    .describeSecurityGroups(all)
                    .getSecurityGroupList()
                    .forEach(group -> names.put(group.getGroupId(), group.getGroupName()));
            for (SecurityGroup group :
                    controller
                            .describeSecurityGroups(all.toBuilder().addAllGroup(groups).build())
                            .getSecurityGroupList()) {
                list(table, group, names);
            }
        }
        table.print(System.out, json.isSet());
    }

    private static void list(Table table, SecurityGroup group, Map<String, String> names) {
        for (SecurityGroupRule rule : group.getRuleList()) {
            String named = rule.getReferencedGroupId();
            table.row(
                    Table.Cell.of(group.getGroupId()),
                    Table.Cell.of(group.getGroupName()),
                    Table.Cell.of(rule.getSecurityGroupRuleId()),
                    Table.Cell.of(rule.getIsEgress() ? "out" : "in"),
                    Table.Cell.of(rule.getIpProtocol().equals("-1") ? "all" : rule.getIpProtocol()),
                    Table.Cell.of(RuleOptions.ports(rule)),
                    Table.Cell.of(
                            named.isEmpty()
                                    ? rule.getCidrIpv4()
                                            + rule.getCidrIpv6()
                                            + rule.getPrefixListId()
                                    : names.getOrDefault(named, named)));
        }
        if (group.getRuleCount() == 0) { // it is there all the same
            Table.Cell none = Table.Cell.of("");
            table.row(
                    Table.Cell.of(group.getGroupId()),
                    Table.Cell.of(group.getGroupName()),
                    none,
                    none,
                    none,
                    none,
                    none);
        }
    }
}
