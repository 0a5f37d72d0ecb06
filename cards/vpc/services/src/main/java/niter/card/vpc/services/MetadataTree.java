package niter.card.vpc.services;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import niter.controller.control.protocol.EnsureMetadata;
import niter.controller.control.protocol.PublicKey;
import org.jspecify.annotations.Nullable;

/**
 * What lies beneath a version of instance metadata, laid out once. What is listed resolves:
 * cloud-init gives up its whole crawl over one name that does not. No leaf ends with a newline: it
 * would be a list.
 */
final class MetadataTree {
    /**
     * An answer.
     *
     * @param text whether it is text; user data is whatever the user gave
     */
    record Leaf(byte[] bytes, boolean text) {}

    private static final String META = "meta-data/";

    private final Map<String, Leaf> leaves = new TreeMap<>(); // by path, no slash at either end
    private final Map<String, Map<String, Boolean>> listings = new TreeMap<>(); // by folder

    private MetadataTree() {
        listings.put("", new LinkedHashMap<>());
    }

    static MetadataTree of(EnsureMetadata told) {
        MetadataTree tree = new MetadataTree();
        tree.put("dynamic/instance-identity/document", IdentityDocument.of(told));
        tree.addInstance(told);
        tree.addInterface(told);
        tree.addKeys(told.getPublicKeyList());
        if (!told.getUserData().isEmpty()) {
            tree.put("user-data", new Leaf(told.getUserData().toByteArray(), false));
        }
        return tree;
    }

    private void addInstance(EnsureMetadata told) {
        String root = told.getRootDevice();
        meta("ami-id", told.getImageId());
        meta("ami-launch-index", Integer.toString(told.getLaunchIndex()));
        meta("ami-manifest-path", "(unknown)");
        meta("block-device-mapping/ami", root);
        meta("block-device-mapping/root", "/dev/" + root);
        meta("events/maintenance/history", "[]");
        meta("events/maintenance/scheduled", "[]");
        meta("hostname", told.getHostName() + "." + told.getDomain());
        meta("instance-action", "none");
        meta("instance-id", told.getInstanceId());
        meta("instance-life-cycle", "on-demand");
        meta("instance-type", told.getInstanceType());
        meta("ipv6", told.getIpv6());
        meta("local-hostname", told.getHostName() + "." + told.getDomain());
        meta("local-ipv4", told.getPrivateIpv4());
        meta("mac", told.getMac());
        meta("metrics/vhostmd", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        meta("placement/availability-zone", told.getAvailabilityZone());
        meta("placement/availability-zone-id", told.getAvailabilityZoneId());
        meta("placement/region", told.getRegion());
        meta("profile", "default-hvm");
        meta("public-ipv4", told.getPublicIpv4());
        meta("reservation-id", told.getReservationId());
        meta("security-groups", String.join("\n", told.getSecurityGroupList()));
        meta("services/domain", "amazonaws.com");
        meta("services/partition", "aws");
        meta("system", "nitro");
    }

    private void addInterface(EnsureMetadata told) {
        String folder = "network/interfaces/macs/" + told.getMac() + "/";
        String address = told.getPrivateIpv4();
        meta(folder + "device-number", "0");
        meta(folder + "interface-id", told.getInterfaceId());
        if (!told.getPublicIpv4().isEmpty()) {
            meta(folder + "ipv4-associations/" + told.getPublicIpv4(), address);
        }
        meta(folder + "ipv6s", told.getIpv6());
        meta(folder + "local-hostname", told.getHostName() + "." + told.getDomain());
        meta(folder + "local-ipv4s", address);
        meta(folder + "mac", told.getMac());
        meta(folder + "network-card", "0");
        meta(folder + "owner-id", told.getOwnerId());
        meta(folder + "public-ipv4s", told.getPublicIpv4());
        meta(folder + "security-group-ids", String.join("\n", told.getSecurityGroupIdList()));
        meta(folder + "security-groups", String.join("\n", told.getSecurityGroupList()));
        meta(folder + "subnet-id", told.getSubnetId());
        meta(folder + "subnet-ipv4-cidr-block", told.getSubnetCidr());
        meta(folder + "subnet-ipv6-cidr-blocks", told.getSubnetIpv6Cidr());
        meta(folder + "vpc-id", told.getVpcId());
        meta(folder + "vpc-ipv4-cidr-block", told.getVpcCidr());
        meta(folder + "vpc-ipv4-cidr-blocks", told.getVpcCidr());
        meta(folder + "vpc-ipv6-cidr-blocks", told.getVpcIpv6Cidr());
    }

    /** Listed as "0=name", to be read at "0/openssh-key"; who takes the whole line finds it too. */
    private void addKeys(List<PublicKey> keys) {
        for (int i = 0; i < keys.size(); i++) {
            PublicKey key = keys.get(i);
            String line = i + "=" + key.getName();
            for (String folder : List.of(Integer.toString(i), line.replace('/', '_'))) {
                String path = META + "public-keys/" + folder;
                leaves.put(path + "/openssh-key", text(key.getOpensshKey()));
                listings.put(path, new LinkedHashMap<>(Map.of("openssh-key", false)));
            }
            list(META + "public-keys").put(line, false);
        }
    }

    private void meta(String path, String value) {
        if (!value.isEmpty()) { // absent, which is 404
            put(META + path, text(value));
        }
    }

    private static Leaf text(String value) {
        return new Leaf(value.getBytes(StandardCharsets.UTF_8), true);
    }

    private void put(String path, Leaf leaf) {
        leaves.put(path, leaf);
        int slash = path.lastIndexOf('/');
        list(slash < 0 ? "" : path.substring(0, slash)).put(path.substring(slash + 1), false);
    }

    /** The listing of a folder, which its parents list. */
    private Map<String, Boolean> list(String folder) {
        @Nullable Map<String, Boolean> known = listings.get(folder);
        if (known != null) {
            return known;
        }
        int slash = folder.lastIndexOf('/');
        list(slash < 0 ? "" : folder.substring(0, slash)).put(folder.substring(slash + 1), true);
        Map<String, Boolean> fresh = new LinkedHashMap<>();
        listings.put(folder, fresh);
        return fresh;
    }

    /**
     * What a path names.
     *
     * @param path beneath the version, without a slash in front; one at the end makes no difference
     */
    @Nullable Leaf find(String path) {
        String plain = path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
        @Nullable Leaf leaf = leaves.get(plain);
        if (leaf != null) {
            return leaf;
        }
        @Nullable Map<String, Boolean> names = listings.get(plain);
        if (names == null) {
            return null;
        }
        List<String> lines = new ArrayList<>();
        names.forEach((name, folder) -> lines.add(folder ? name + "/" : name));
        return text(String.join("\n", lines));
    }
}
