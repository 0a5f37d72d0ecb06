package niter.card.vpc.services;

import java.util.Locale;
import java.util.regex.Pattern;
import niter.controller.control.Ipv4;
import niter.controller.control.protocol.EnsureMetadata;
import niter.controller.control.protocol.PublicKey;

/**
 * Reads the controller's message; refuses what makes no sense. A newline in a leaf would turn it
 * into a list in the eyes of cloud-init, so no text may have one.
 */
final class Checks {
    private static final int MAX_USER_DATA = 16 * 1024;
    private static final int MAX_HOP_LIMIT = 64;
    private static final int MAX_NAME = 255;
    private static final int MAX_KEY = 8 * 1024;
    private static final Pattern MAC = Pattern.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}");
    private static final Pattern WORD = Pattern.compile("[A-Za-z0-9._-]{1,128}");
    private static final Pattern DEVICE = Pattern.compile("[a-z0-9]{1,31}");
    private static final Pattern OWNER = Pattern.compile("[0-9]{12}");
    private static final String LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    private static final Pattern HOST = Pattern.compile(LABEL);
    private static final Pattern DOMAIN = Pattern.compile(LABEL + "(\\." + LABEL + "){0,5}");

    private Checks() {}

    static Guest guest(EnsureMetadata told) throws RefusedException {
        id("interface_id", told.getInterfaceId(), "eni-");
        match("mac", told.getMac(), MAC, "six bytes like 0e:12:34:56:78:9a");
        int address = address("private_ipv4", told.getPrivateIpv4());
        Ipv4.Range subnet = range("subnet_cidr", told.getSubnetCidr());
        Ipv4.Range vpc = range("vpc_cidr", told.getVpcCidr());
        if (!vpc.contains(subnet)) {
            throw new RefusedException("subnet_cidr: expected a part of " + told.getVpcCidr());
        }
        if (!subnet.contains(address)) {
            throw new RefusedException("private_ipv4: expected one of " + told.getSubnetCidr());
        }
        match("domain", told.getDomain(), DOMAIN, "a name like ec2.internal");
        match("host_name", told.getHostName(), HOST, "one label like ip-172-31-0-4");
        if (!told.getPublicIpv4().isEmpty()) {
            address("public_ipv4", told.getPublicIpv4());
        }
        instance(told);
        lists(told);
        return new Guest(
                told,
                Long.parseLong(told.getMac().replace(":", ""), 16),
                address,
                vpc,
                vpc.base() + 2,
                told.getHostName().toLowerCase(Locale.ROOT),
                told.getDomain().toLowerCase(Locale.ROOT),
                MetadataTree.of(told));
    }

    private static void instance(EnsureMetadata told) throws RefusedException {
        id("instance_id", told.getInstanceId(), "i-");
        match("instance_type", told.getInstanceType(), WORD, "a type like m5.large");
        id("image_id", told.getImageId(), "ami-");
        id("reservation_id", told.getReservationId(), "r-");
        id("vpc_id", told.getVpcId(), "vpc-");
        id("subnet_id", told.getSubnetId(), "subnet-");
        match("owner_id", told.getOwnerId(), OWNER, "twelve digits");
        match("root_device", told.getRootDevice(), DEVICE, "a name like xvda");
        match("availability_zone", told.getAvailabilityZone(), WORD, "a zone like us-east-1a");
        match("availability_zone_id", told.getAvailabilityZoneId(), WORD, "an id like use1-az1");
        match("region", told.getRegion(), WORD, "a region like us-east-1");
        if (told.getLaunchIndex() < 0) {
            throw new RefusedException("launch_index: expected less than 2147483648");
        }
        if (told.getLaunchedUnixMs() <= 0) {
            throw new RefusedException("launched_unix_ms: expected a time after 1970");
        }
        if (told.getUserData().size() > MAX_USER_DATA) {
            throw new RefusedException("user_data: expected at most " + MAX_USER_DATA + " bytes");
        }
        if (Integer.compareUnsigned(told.getHopLimit(), MAX_HOP_LIMIT) > 0) {
            throw new RefusedException("hop_limit: expected 1 to " + MAX_HOP_LIMIT);
        }
    }

    private static void lists(EnsureMetadata told) throws RefusedException {
        for (String name : told.getSecurityGroupList()) {
            line("security_group", name, MAX_NAME);
        }
        for (String group : told.getSecurityGroupIdList()) {
            id("security_group_id", group, "sg-");
        }
        for (PublicKey key : told.getPublicKeyList()) {
            line("public_key.name", key.getName(), MAX_NAME);
            line("public_key.openssh_key", key.getOpensshKey(), MAX_KEY);
        }
    }

    private static int address(String field, String text) throws RefusedException {
        try {
            return Ipv4.address(text);
        } catch (IllegalArgumentException e) {
            throw new RefusedException(field + ": " + e.getMessage());
        }
    }

    private static Ipv4.Range range(String field, String text) throws RefusedException {
        try {
            return Ipv4.Range.of(text);
        } catch (IllegalArgumentException e) {
            throw new RefusedException(field + ": " + e.getMessage());
        }
    }

    private static void id(String field, String text, String prefix) throws RefusedException {
        if (!text.startsWith(prefix) || !WORD.matcher(text).matches()) {
            throw new RefusedException(field + ": expected " + prefix + "…, got " + quoted(text));
        }
    }

    private static void match(String field, String text, Pattern pattern, String expected)
            throws RefusedException {
        if (!pattern.matcher(text).matches()) {
            throw new RefusedException(field + ": expected " + expected + ", got " + quoted(text));
        }
    }

    private static void line(String field, String text, int most) throws RefusedException {
        if (text.isBlank() || text.length() > most || text.chars().anyMatch(c -> c < ' ')) {
            throw new RefusedException(
                    field + ": expected one line of at most " + most + ", got " + quoted(text));
        }
    }

    private static String quoted(String text) {
        String shown = text.length() > MAX_NAME ? text.substring(0, MAX_NAME) + "…" : text;
        return "\"" + shown + "\"";
    }
}
