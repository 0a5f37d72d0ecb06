/**
 * The VPC card's link-local services: instance metadata and names. Exports nothing: no one can
 * depend on a process.
 */
@org.jspecify.annotations.NullMarked
module niter.card.vpc.services {
    requires static org.jspecify;
    requires com.google.protobuf;
    requires java.logging;
    requires niter.controller.control;
    requires niter.linux;
    requires org.dnsjava;
    requires org.eclipse.jetty.server;
}
