package niter.cli;

import niter.controller.northbound.SecurityGroupRule;
import picocli.CommandLine.Option;

/** A rule of a security group as options say it. */
final class RuleOptions {
    @Option(
            names = "--egress",
            description = "A rule for what leaves the group's instances; default: what comes in.")
    private boolean egress;

    @Option(
            names = "--protocol",
            paramLabel = "PROTOCOL",
            description = "tcp, udp, icmp, icmpv6, a number, or all.")
    private String protocol = "";

    @Option(
            names = "--port",
            paramLabel = "PORT",
            description = "22, 8000-8010; for icmp and icmpv6 TYPE or TYPE:CODE. Default: all.")
    private String port = "";

    @Option(
            names = "--source",
            paramLabel = "CIDR|GROUP|LIST",
            description =
                    "Who may come in: 10.0.0.0/8, fd00::/8, a security group, or a prefix list's id.")
    private String source = "";

    @Option(
            names = "--destination",
            paramLabel = "CIDR|GROUP|LIST",
            description = "Where to may be left, said in the same way; with --egress.")
    private String destination = "";

    @Option(names = "--description", paramLabel = "TEXT", description = "What it is for.")
    private String description = "";

    boolean egress() {
        return egress;
    }

    boolean isEmpty() {
        return protocol.isEmpty() && port.isEmpty() && source.isEmpty() && destination.isEmpty();
    }

    /** The rule, which the controller checks. */
    SecurityGroupRule rule() {
        if (!(egress ? source : destination).isEmpty()) { // else a slip opens a port
            throw new CliException(
                    egress
                            ? "sg: --egress --source: expected --destination"
                            : "sg: --destination: expected --egress with it, or --source");
        }
        String peer = egress ? destination : source;
        if (protocol.isEmpty() || peer.isEmpty()) {
            throw new CliException(
                    "sg: expected --protocol and " + (egress ? "--destination" : "--source"));
        }
        boolean icmp = protocol.matches("icmp|icmpv6|1|58");
        boolean ports = protocol.matches("tcp|udp|6|17");
        int from = ports ? 0 : -1;
        int to = ports ? 65_535 : -1;
        if (!port.isEmpty()) {
            String[] parts = port.split(icmp ? ":" : "-", 2);
            from = number(parts[0]);
            to = parts.length == 2 ? number(parts[1]) : icmp ? -1 : from;
        }
        SecurityGroupRule.Builder rule =
                SecurityGroupRule.newBuilder()
                        .setIpProtocol(protocol.equals("all") ? "-1" : protocol)
                        .setFromPort(from)
                        .setToPort(to)
                        .setDescription(description);
        boolean range = peer.contains("/") || peer.matches("[0-9.:a-f]*[.:][0-9.:a-f]*");
        if (peer.startsWith("pl-")) {
            return rule.setPrefixListId(peer).build();
        }
        if (!range) {
            return rule.setReferencedGroupId(peer).build();
        }
        return (peer.contains(":") ? rule.setCidrIpv6(peer) : rule.setCidrIpv4(peer)).build();
    }

    private int number(String text) {
        if (!text.matches("-?[0-9]{1,6}")) {
            throw new CliException(
                    "sg: --port " + port + ": expected 22, 8000-8010, or TYPE:CODE of icmp");
        }
        return Integer.parseInt(text);
    }

    /** The ports of a rule, or its ICMP type and code, as the option takes them. */
    static String ports(SecurityGroupRule rule) {
        int from = rule.getFromPort();
        int to = rule.getToPort();
        return switch (rule.getIpProtocol()) {
            case "tcp", "udp" ->
                    from == to ? "" + from : from == 0 && to == 65_535 ? "all" : from + "-" + to;
            case "icmp", "icmpv6" -> from == -1 ? "all" : to == -1 ? "" + from : from + ":" + to;
            default -> "all";
        };
    }
}
