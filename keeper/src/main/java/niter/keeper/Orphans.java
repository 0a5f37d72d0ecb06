package niter.keeper;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongPredicate;
import niter.linux.Descriptor;
import niter.linux.LinuxException;
import niter.linux.Processes;

/**
 * Children that nobody asked for: what a process of the table left behind when it ended comes to
 * us, the subreaper, and is reaped here.
 */
final class Orphans {
    private final Loop loop;
    private final Runnable onEnd;
    private final Map<Integer, Descriptor> pidfds = new HashMap<>();

    Orphans(Loop loop, Runnable onEnd) {
        this.loop = loop;
        this.onEnd = onEnd;
    }

    /** Finds new ones; to be called whenever a child has ended. */
    void look(LongPredicate isManaged) {
        Set<Integer> fresh = new HashSet<>();
        try (var children = ProcessHandle.current().children()) {
            children.mapToLong(ProcessHandle::pid)
                    .filter(pid -> !isManaged.test(pid) && !pidfds.containsKey((int) pid))
                    .forEach(pid -> fresh.add((int) pid));
        }
        for (int pid : fresh) {
            adopt(pid, isManaged);
        }
    }

    private void adopt(int pid, LongPredicate isManaged) {
        Descriptor pidfd;
        try {
            pidfd = Processes.pidfd(pid);
        } catch (LinuxException e) {
            return; // found again with the next end
        }
        pidfds.put(pid, pidfd);
        long[] token = new long[1];
        token[0] =
                loop.watch(
                        pidfd,
                        () -> {
                            loop.unwatch(token[0]);
                            pidfd.close();
                            pidfds.remove(pid);
                            Ends.reap(pid);
                            look(isManaged);
                            onEnd.run();
                        });
    }

    boolean isEmpty() {
        return pidfds.isEmpty();
    }

    void signal(int signal) {
        for (int pid : List.copyOf(pidfds.keySet())) {
            Processes.kill(pid, signal); // not reaped yet, so the number is still its own
        }
    }
}
