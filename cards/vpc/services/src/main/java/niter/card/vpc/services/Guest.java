package niter.card.vpc.services;

import niter.controller.control.Ipv4;
import niter.controller.control.protocol.EnsureMetadata;

/**
 * An interface and what its instance is told, checked and laid out, so that answering is looking
 * up.
 *
 * @param mac what its frames come from
 * @param address likewise
 * @param resolver the VPC's second address
 * @param name of the interface, without the domain, lower case
 * @param domain without a dot at its end, lower case
 * @param latest what lies beneath every version
 */
record Guest(
        EnsureMetadata told,
        long mac,
        int address,
        Ipv4.Range vpc,
        int resolver,
        String name,
        String domain,
        MetadataTree latest) {
    String id() {
        return told.getInterfaceId();
    }

    /** TTL of an answer with a token. */
    int hopLimit() {
        return Math.max(1, told.getHopLimit());
    }

    /** What a token is good for: the interface may become another instance's. */
    String tokenScope() {
        return told.getInterfaceId() + "/" + told.getInstanceId();
    }
}
