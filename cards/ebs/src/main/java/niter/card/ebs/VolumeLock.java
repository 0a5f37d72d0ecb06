package niter.card.ebs;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import niter.linux.Descriptor;
import niter.linux.FileIo;

/**
 * The right to write to a volume: an OFD lock of its file. The kernel ends it with the last use of
 * the open file, and a write that io_uring still runs for a process that was killed is a use. So
 * whoever has the lock knows that no write of a predecessor comes after its own.
 */
final class VolumeLock {
    private VolumeLock() {}

    /**
     * Takes the lock of an open file, which lasts until the descriptor is closed.
     *
     * @param patienceMillis how long a predecessor may take to end
     * @return false if another one has it for longer
     */
    static boolean take(Descriptor file, long patienceMillis) {
        return FileIo.tryLock(file.number()) || await(file, patienceMillis);
    }

    /** A thread waits, because the kernel has no lock with a time limit. */
    private static boolean await(Descriptor file, long patienceMillis) {
        // The thread's own duplicate: where nobody waits any more, its end ends the lock.
        Descriptor duplicate = file.duplicate();
        CompletableFuture<Boolean> taken = new CompletableFuture<>();
        Thread.ofPlatform()
                .daemon()
                .name("volume-lock")
                .start(
                        () -> {
                            try (duplicate) {
                                FileIo.lock(duplicate.number());
                                taken.complete(true);
                            } catch (RuntimeException e) {
                                taken.completeExceptionally(e);
                            }
                        });
        try {
            return taken.get(patienceMillis, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } catch (ExecutionException e) {
            throw new IllegalStateException("cannot lock a volume", e.getCause());
        }
    }
}
