/** The niter command. Exports nothing: no one can depend on a process. */
@org.jspecify.annotations.NullMarked
module niter.cli {
    requires static org.jspecify;
    requires info.picocli;

    opens niter.cli to
            info.picocli;
}
