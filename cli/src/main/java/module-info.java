/** The niter command. Exports nothing: no one can depend on a process. */
@org.jspecify.annotations.NullMarked
module niter.cli {
    requires com.fasterxml.jackson.core;
    requires info.picocli;
    requires niter.controller.control;
    requires niter.controller.northbound;
    requires niter.images;
    requires niter.linux;
    requires static org.jspecify;
    requires jdk.unsupported; // sun.misc.Signal, by reflection: the JDK has no other

    opens niter.cli to
            info.picocli;
}
