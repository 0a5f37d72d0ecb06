package niter.keeper;

/** A request that is not done. */
final class RefusedException extends Exception {
    private final String answer;

    RefusedException(String answer) {
        super(answer);
        this.answer = answer;
    }

    /** For the peer: the field, and what was expected. */
    String answer() {
        return answer;
    }
}
