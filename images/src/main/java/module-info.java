/** Image recipes and their builder, the engine's QEMU and foreign tools, all from Debian. */
@org.jspecify.annotations.NullMarked
module niter.images {
    requires static transitive org.jspecify;
    requires com.fasterxml.jackson.core;
    requires niter.linux;
    requires org.apache.commons.compress;

    exports niter.images;
}
