/** The ENA network adapter, used by the VPC card. */
@org.jspecify.annotations.NullMarked
module niter.ena {
    requires static org.jspecify;
    requires transitive niter.pcie;

    exports niter.ena;
}
