package niter.card.ebs;

/** A request cannot be done. The message is one line: the field or thing, and what is expected. */
final class RefusedException extends Exception {
    private static final long serialVersionUID = 1;

    RefusedException(String message) {
        super(message);
    }
}
