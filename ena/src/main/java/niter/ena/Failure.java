package niter.ena;

/** What a guest may break: its adapter, and nothing else. */
interface Failure {
    /**
     * Ends the adapter's service: DEV_STS says fatal error, and only a reset leads out.
     *
     * @param what the guest did, and what was expected; for the log
     */
    void broken(String what);
}
