package niter.cli;

import java.util.ArrayList;
import java.util.List;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.RevokeSecurityGroupRequest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Removes rules from a security group. */
@Command(
        name = "revoke",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Remove a rule from a security group: by its id, or said as it was authorized.",
            "Flows that it allowed go on until they are idle."
        })
final class SgRevokeCommand implements Runnable {
    @Parameters(paramLabel = "GROUP", description = "Id or name.")
    private String group = "";

    @Option(names = "--rule", paramLabel = "ID", description = "Id of a rule; may be repeated.")
    private List<String> rules = new ArrayList<>();

    @Mixin private RuleOptions options = new RuleOptions();

    @Override
    public void run() {
        var request =
                RevokeSecurityGroupRequest.newBuilder()
                        .setGroup(group)
                        .setEgress(options.egress())
                        .addAllSecurityGroupRuleId(rules);
        if (rules.isEmpty() || !options.isEmpty()) {
            request.addRule(options.rule());
        }
        try (NorthboundChannel channel = Host.open().connect()) {
            channel.blocking().revokeSecurityGroup(request.build());
        }
    }
}
