package niter.cli;

import niter.controller.northbound.AuthorizeSecurityGroupRequest;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Adds a rule to a security group. */
@Command(
        name = "authorize",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Add a rule to a security group; print the rule's id. In force at once.")
final class SgAuthorizeCommand implements Runnable {
    @Parameters(paramLabel = "GROUP", description = "Id or name.")
    private String group = "";

    @Mixin private RuleOptions options = new RuleOptions();

    @Override
    public void run() {
        var request =
                AuthorizeSecurityGroupRequest.newBuilder()
                        .setGroup(group)
                        .setEgress(options.egress())
                        .addRule(options.rule())
                        .build();
        try (NorthboundChannel channel = Host.open().connect()) {
            channel.blocking()
                    .authorizeSecurityGroup(request)
                    .getSecurityGroup(0)
                    .getRuleList()
                    .forEach(rule -> System.out.println(rule.getSecurityGroupRuleId()));
        }
    }
}
