/** The hypervisor's process: CPU and memory for one instance, nothing else. */
@org.jspecify.annotations.NullMarked
module niter.hypervisor {
    requires static org.jspecify;
    requires niter.controller.control;
    requires niter.linux;
}
