/** The EBS card: volumes as NVMe functions. Exports nothing: no one can depend on a process. */
@org.jspecify.annotations.NullMarked
module niter.card.ebs {
    requires static org.jspecify;
    requires niter.controller.control;
    requires niter.linux;
    requires niter.nvme;
    requires niter.pcie;
}
