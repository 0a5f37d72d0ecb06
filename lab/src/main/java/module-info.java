/**
 * Benchmarks and tests by kill: each prints what was measured, beside a named peer if there is one.
 */
@org.jspecify.annotations.NullMarked
module niter.lab {
    requires HdrHistogram;
    requires info.picocli;
    requires static org.jspecify;
    requires niter.controller.control;
    requires niter.linux;
    requires niter.pcie;

    opens niter.lab to
            info.picocli;
}
