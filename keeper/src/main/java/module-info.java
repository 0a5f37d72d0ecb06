/** The keeper: starts every process, holds its descriptors, starts again what died. */
@org.jspecify.annotations.NullMarked
module niter.keeper {
    requires static org.jspecify;
    requires niter.controller.control;
    requires niter.linux;
}
