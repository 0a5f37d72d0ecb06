/** PCIe functions and their segments; vfio-user server and client. */
@org.jspecify.annotations.NullMarked
module niter.pcie {
    requires static org.jspecify;
    requires transitive niter.linux;

    exports niter.pcie;
}
