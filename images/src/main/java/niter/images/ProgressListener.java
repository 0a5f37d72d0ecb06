package niter.images;

/** Hears how far a long step has come. Called from the thread that does the work. */
@FunctionalInterface
public interface ProgressListener {
    /** Hears nothing. */
    ProgressListener NONE = (phase, done, total) -> {};

    /**
     * A step began or went on.
     *
     * @param phase what is being done, for people: "Fetching the engine"
     * @param doneBytes bytes done in this phase
     * @param totalBytes bytes of the whole phase, or 0 where nobody knows
     */
    void progress(String phase, long doneBytes, long totalBytes);
}
