/** The NVMe controller, used by the EBS and the instance-storage card. */
@org.jspecify.annotations.NullMarked
module niter.nvme {
    requires static org.jspecify;
    requires transitive niter.pcie;

    exports niter.nvme;
}
