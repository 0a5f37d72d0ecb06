/** The VPC card: interfaces as ENA functions. Exports nothing: no one can depend on a process. */
@org.jspecify.annotations.NullMarked
module niter.card.vpc {
    requires static org.jspecify;
    requires niter.controller.control;
    requires niter.ena;
    requires niter.linux;
    requires niter.pcie;
}
