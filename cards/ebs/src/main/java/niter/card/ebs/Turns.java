package niter.card.ebs;

import java.util.HashSet;
import java.util.Set;

/** Lets one request about a volume run at a time; those about others do not wait for it. */
final class Turns {
    private final Set<String> busy = new HashSet<>(); // guarded by this

    synchronized void begin(String volumeId) throws InterruptedException {
        while (!busy.add(volumeId)) {
            wait();
        }
    }

    synchronized void end(String volumeId) {
        busy.remove(volumeId);
        notifyAll();
    }
}
