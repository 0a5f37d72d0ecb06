package niter.card.vpc.services;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import niter.controller.control.protocol.EnsureMetadata;
import org.jspecify.annotations.Nullable;

/**
 * The instance identity document, in the very form that EC2 gives it: verifiers hash its bytes, so
 * they depend on nothing but what was told.
 */
final class IdentityDocument {
    private final List<String> lines = new ArrayList<>();

    private IdentityDocument() {}

    static MetadataTree.Leaf of(EnsureMetadata told) {
        Instant pending =
                Instant.ofEpochMilli(told.getLaunchedUnixMs()).truncatedTo(ChronoUnit.SECONDS);
        IdentityDocument document = new IdentityDocument();
        document.add("accountId", told.getOwnerId());
        document.add("architecture", "x86_64");
        document.add("availabilityZone", told.getAvailabilityZone());
        document.add("billingProducts", null);
        document.add("devpayProductCodes", null);
        document.add("marketplaceProductCodes", null);
        document.add("imageId", told.getImageId());
        document.add("instanceId", told.getInstanceId());
        document.add("instanceType", told.getInstanceType());
        document.add("kernelId", null);
        document.add("pendingTime", pending.toString());
        document.add("privateIp", told.getPrivateIpv4());
        document.add("ramdiskId", null);
        document.add("region", told.getRegion());
        document.add("version", "2017-09-30");
        String text = "{\n" + String.join(",\n", document.lines) + "\n}";
        return new MetadataTree.Leaf(text.getBytes(StandardCharsets.UTF_8), true);
    }

    /** The values were checked: none needs escaping. */
    private void add(String name, @Nullable String value) {
        lines.add("  \"" + name + "\" : " + (value == null ? "null" : "\"" + value + "\""));
    }
}
