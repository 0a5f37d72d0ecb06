package niter.pcie;

/** An Error that came out of another function than the one that is served. */
final class AnothersError extends Error {
    private static final long serialVersionUID = 1;

    AnothersError(String id, Error cause) {
        super(id, cause);
    }
}
