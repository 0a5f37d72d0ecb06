package niter.nvme;

/** Where a broken ring ends: CSTS.CFS for this function, nothing for any other. */
interface Failure {
    /**
     * The guest broke a ring. Outside of a transaction.
     *
     * @param what for the log: what was found and what was expected
     */
    void broken(String what);
}
