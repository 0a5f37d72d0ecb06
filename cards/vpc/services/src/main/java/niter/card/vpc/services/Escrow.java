package niter.card.vpc.services;

import java.io.IOException;
import java.util.Map;
import niter.linux.Descriptor;

/** The keeper, as far as it concerns these services: what is held there survives them. */
interface Escrow {
    /**
     * Holds a duplicate of each descriptor; the same key again replaces.
     *
     * @throws IOException if nobody can hold them now
     */
    void hold(Map<String, Descriptor> byKey) throws IOException;

    /** Lets go. */
    void release(String... keys) throws IOException;
}
