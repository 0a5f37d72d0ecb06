package niter.nvme;

/** What became of an admin command. A guest's mistake is a value, never an exception. */
sealed interface Outcome {
    /**
     * It succeeded.
     *
     * @param dword 0 of the completion
     */
    record Done(int dword) implements Outcome {}

    /**
     * It failed.
     *
     * @param status see {@link Status}
     */
    record Failed(int status) implements Outcome {}

    /** It completes when an event happens. */
    record Held() implements Outcome {}

    Done SUCCESS = new Done(0);
    Held HELD = new Held();

    static Failed failed(int status) {
        return new Failed(status);
    }
}
