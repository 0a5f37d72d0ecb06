package niter.controller;

import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import niter.controller.control.Ipv4;
import niter.controller.control.Ipv6;
import niter.controller.control.protocol.IpPermission;
import niter.controller.northbound.SecurityGroupRule;

/** Rules of security groups: EC2's checks and canonical form, and the VPC card's form of them. */
final class Permissions {
    private static final int ALL = -1;
    private static final int ICMP = 1;
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int ICMPV6 = 58;
    private static final int MAX_PORT = 65_535;
    private static final Pattern DESCRIPTION =
            Pattern.compile("[A-Za-z0-9 ._\\-:/()#,@\\[\\]+=&;{}!$*]{0,255}");
    private static final Map<String, Integer> NAMES =
            Map.of("icmp", ICMP, "tcp", TCP, "udp", UDP, "icmpv6", ICMPV6, "all", ALL);

    private Permissions() {}

    /**
     * A rule as it is kept: protocol by its usual name, ranges without host bits (EC2 clears them
     * too), -1 where ports mean nothing. Its group is an id already.
     *
     * @param listFamily of the prefix list that it names; empty for none
     * @throws ApiException that names the field and what was expected
     */
    static SecurityGroupRule canonical(SecurityGroupRule rule, String listFamily)
            throws ApiException {
        int protocol = protocol(rule.getIpProtocol());
        long sources =
                Stream.of(
                                rule.getCidrIpv4(),
                                rule.getCidrIpv6(),
                                rule.getReferencedGroupId(),
                                rule.getPrefixListId())
                        .filter(source -> !source.isEmpty())
                        .count();
        if (sources != 1) {
            throw malformed("source: expected one of range, security group and prefix list");
        }
        boolean ipv4 = !rule.getCidrIpv4().isEmpty() || listFamily.equals("IPv4");
        boolean ipv6 = !rule.getCidrIpv6().isEmpty() || listFamily.equals("IPv6");
        if (protocol == ICMP && ipv6 || protocol == ICMPV6 && ipv4) {
            throw malformed("ip_protocol: icmp is IPv4's and icmpv6 is IPv6's, the range is not");
        }
        description(rule.getDescription());
        int from = rule.getFromPort();
        int to = rule.getToPort();
        switch (protocol) {
            case TCP, UDP -> {
                if (from < 0 || to > MAX_PORT || from > to) {
                    throw invalid(
                            "port: expected 0 to 65535 in order, got %d to %d".formatted(from, to));
                }
            }
            case ICMP, ICMPV6 -> {
                if (from < -1 || from > 255 || to < -1 || to > 255 || from == -1 && to != -1) {
                    throw invalid(
                            "ICMP: expected a type and a code of -1 to 255, got %d and %d"
                                    .formatted(from, to));
                }
            }
            default -> {
                boolean none = from == to && (from == 0 || from == -1);
                if (!none && !(from == 0 && to == MAX_PORT)) {
                    throw malformed(
                            "port: protocol %s has none, got %d to %d"
                                    .formatted(rule.getIpProtocol(), from, to));
                }
                from = -1;
                to = -1;
            }
        }
        return rule.toBuilder()
                .setIpProtocol(word(protocol))
                .setFromPort(from)
                .setToPort(to)
                .setCidrIpv4(
                        rule.getCidrIpv4().isEmpty() ? "" : range("cidr_ipv4", rule.getCidrIpv4()))
                .setCidrIpv6(
                        rule.getCidrIpv6().isEmpty() ? "" : range6("cidr_ipv6", rule.getCidrIpv6()))
                .build();
    }

    static void description(String text) throws ApiException {
        if (!DESCRIPTION.matcher(text).matches()) {
            throw invalid(
                    "description: expected up to 255 letters, digits, spaces and"
                            + " ._-:/()#,@[]+=&;{}!$*");
        }
    }

    private static int protocol(String text) throws ApiException {
        Integer named = NAMES.get(text);
        if (named != null) {
            return named;
        }
        if (text.equals("-1") || text.matches("[0-9]{1,3}") && Integer.parseInt(text) <= 255) {
            return Integer.parseInt(text);
        }
        throw invalid(
                "ip_protocol: expected tcp, udp, icmp, icmpv6, 0 to 255 or -1 for all, got \""
                        + text
                        + "\"");
    }

    private static String word(int protocol) {
        return switch (protocol) {
            case ICMP -> "icmp";
            case TCP -> "tcp";
            case UDP -> "udp";
            case ICMPV6 -> "icmpv6";
            default -> Integer.toString(protocol);
        };
    }

    static String range(String field, String text) throws ApiException {
        String[] parts = text.split("/", -1);
        try {
            if (parts.length == 2 && parts[1].matches("[0-9]{1,2}")) {
                int bits = Integer.parseInt(parts[1]);
                if (bits <= 32) {
                    return Ipv4.Range.around(Ipv4.address(parts[0]), bits).toString();
                }
            }
        } catch (IllegalArgumentException e) {
            throw invalid(field + ": " + e.getMessage());
        }
        throw invalid(field + ": expected ADDRESS/BITS of 0 to 32 bits, got \"" + text + "\"");
    }

    static String range6(String field, String text) throws ApiException {
        String[] parts = text.split("/", -1);
        try {
            if (parts.length == 2 && parts[1].matches("[0-9]{1,3}")) {
                int bits = Integer.parseInt(parts[1]);
                if (bits <= 128) {
                    return Ipv6.Range.around(Ipv6.of(parts[0]), bits).toString();
                }
            }
        } catch (IllegalArgumentException e) {
            throw invalid(field + ": " + e.getMessage());
        }
        throw invalid(field + ": expected ADDRESS/BITS of 0 to 128 bits, got \"" + text + "\"");
    }

    /** Whether they say the same; ids and descriptions do not matter. */
    static boolean same(SecurityGroupRule one, SecurityGroupRule other) {
        return bare(one).equals(bare(other));
    }

    private static SecurityGroupRule bare(SecurityGroupRule rule) {
        return rule.toBuilder().clearSecurityGroupRuleId().clearDescription().build();
    }

    /** As the VPC card is told; the rule is canonical, and has a range where it had a list. */
    static IpPermission forCard(SecurityGroupRule rule) {
        Integer named = NAMES.get(rule.getIpProtocol());
        int protocol = named != null ? named : Integer.parseInt(rule.getIpProtocol());
        IpPermission.Builder permission =
                IpPermission.newBuilder()
                        .setProtocol(protocol)
                        .setCidr(rule.getCidrIpv4() + rule.getCidrIpv6()) // one of them
                        .setGroupId(rule.getReferencedGroupId());
        if (protocol == TCP
                || protocol == UDP
                || protocol == ICMP
                || protocol == ICMPV6) { // no others have any
            permission.setFromPort(rule.getFromPort()).setToPort(rule.getToPort());
        }
        return permission.build();
    }

    /** Rules of one direction as the VPC card is told. */
    static List<IpPermission> forCard(List<SecurityGroupRule> rules, boolean egress) {
        return rules.stream()
                .filter(rule -> rule.getIsEgress() == egress)
                .map(Permissions::forCard)
                .toList();
    }

    private static ApiException invalid(String text) {
        return ApiException.invalid("InvalidParameterValue: " + text);
    }

    private static ApiException malformed(String text) {
        return ApiException.invalid("InvalidPermission.Malformed: " + text);
    }
}
