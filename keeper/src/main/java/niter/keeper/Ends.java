package niter.keeper;

import niter.linux.Errno;
import niter.linux.LinuxException;
import niter.linux.Processes;
import org.jspecify.annotations.Nullable;

/** How processes ended, wait4(2), and that in words. */
final class Ends {
    private static final String UNKNOWN_END = "status unknown: an earlier keeper's child";

    private Ends() {}

    /** Null where it is not our child but a former keeper's. */
    static Processes.@Nullable Ended reap(int pid) {
        try {
            return Processes.reap(pid);
        } catch (LinuxException e) {
            if (e.errno() != Errno.ECHILD) {
                throw e;
            }
            return null;
        }
    }

    /** In words; null where another process reaped it. */
    static String text(Processes.@Nullable Ended end) {
        if (end == null) {
            return UNKNOWN_END;
        }
        return end.signal() != 0
                ? "killed by signal " + end.signal()
                : "exit status " + end.exitStatus();
    }
}
