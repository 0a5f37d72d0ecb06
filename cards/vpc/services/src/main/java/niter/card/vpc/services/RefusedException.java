package niter.card.vpc.services;

/** A request that cannot be granted; the message names the field and what was expected. */
final class RefusedException extends Exception {
    private static final long serialVersionUID = 1;

    RefusedException(String message) {
        super(message);
    }
}
