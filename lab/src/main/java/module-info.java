/** Benchmarks: each prints what was measured, beside a named peer where there is one. */
@org.jspecify.annotations.NullMarked
module niter.lab {
    requires static org.jspecify;
    requires niter.controller.control;
    requires niter.linux;
    requires niter.pcie;
}
