/** The control channel: messages between keeper, controller, cards and hypervisors of one host. */
@org.jspecify.annotations.NullMarked
module niter.controller.control {
    requires static org.jspecify;
    requires transitive com.google.protobuf;
    requires transitive niter.linux;

    exports niter.controller.control;
    exports niter.controller.control.protocol;
}
