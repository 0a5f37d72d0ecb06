/** Linux from Java: system calls, memory, sockets with descriptors, io_uring. */
@org.jspecify.annotations.NullMarked
module niter.linux {
    requires static transitive org.jspecify;

    exports niter.linux;
}
