package niter.cli;

import java.util.concurrent.TimeUnit;
import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.Errno;
import niter.linux.LinuxException;
import niter.linux.Processes;

/** Waits for the end of a process, a child or not. */
final class ProcessEnd {
    private ProcessEnd() {}

    /**
     * Returns when it has ended or the time is over.
     *
     * @return whether it has ended
     */
    static boolean await(int pid, long millis) {
        try (Descriptor process = Processes.pidfd(pid)) {
            return await(process, millis);
        } catch (LinuxException e) {
            if (e.errno() == Errno.ESRCH) {
                return true;
            }
            throw e;
        }
    }

    /** As {@link #await(int, long)}, for a process whose number may be another's by now. */
    static boolean await(Descriptor pidfd, long millis) {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        try (Epoll epoll = new Epoll()) {
            epoll.add(pidfd.number(), 1);
            long left = millis;
            while (epoll.await(left, new long[1]) == 0) { // 0 also where a signal interrupted it
                left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0) {
                    return false;
                }
            }
            return true;
        }
    }
}
