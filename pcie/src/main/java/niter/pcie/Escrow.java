package niter.pcie;

import java.io.IOException;
import java.util.Map;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/**
 * Keeps duplicates of descriptors where they survive the death of this process. Whoever takes the
 * function over gets them back under the same keys.
 */
public interface Escrow {
    /**
     * How a process ended.
     *
     * @param unixMs when that was seen
     * @param signal 0 where it exited by itself
     */
    record End(long unixMs, int signal) {}

    /**
     * Holds a duplicate of each descriptor; the same key again replaces. When this returns they are
     * safe.
     *
     * @throws IOException if nobody can hold them now; they will be held as soon as someone can
     */
    void hold(Map<String, Descriptor> byKey) throws IOException;

    /**
     * Lets go. A key that ends in "/" means everything below it.
     *
     * @throws IOException if nobody answers now; what is no longer referenced is dropped at the
     *     next take-over
     */
    void release(String... keys) throws IOException;

    /** How a process ended that served before this one; null where that is not known. */
    default @Nullable End endOf(int pid) {
        return null;
    }
}
