package niter.pcie;

/**
 * Whose code a core runs: one function's, which may call another's, whose turn it is until that
 * returns. Only the innermost one bears the mark, so that a signal finds who brought it. For the
 * core's thread.
 */
final class Turns {
    private static final int DEEPEST = 8; // a sender and a receiver are two

    private final ServiceMark[] marks = new ServiceMark[DEEPEST];
    private int depth;

    /** A function's code runs from now on. */
    void begin(ServiceMark mark) {
        if (depth > 0) {
            marks[depth - 1].clear();
        }
        marks[depth] = mark;
        depth++;
        mark.set();
    }

    /** It does not any more; the one that called it goes on. */
    void end() {
        depth--;
        marks[depth].clear();
        if (depth > 0) {
            marks[depth - 1].set();
        }
    }
}
