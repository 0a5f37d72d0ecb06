/** The controller card: the passive API. Exports nothing: no one can depend on a process. */
@org.jspecify.annotations.NullMarked
module niter.controller {
    requires com.fasterxml.jackson.core;
    requires niter.controller.control;
    requires niter.controller.northbound;
    requires niter.linux;
    requires java.logging;
    requires static org.jspecify;
}
