package niter.linux;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** The system calls of data paths make no garbage, whatever the compiler makes of them. */
class AllocationTest {
    private static final int WARM_UP = 20_000;
    private static final int MEASURED = 20_000;

    private static void allocatesNothing(Runnable call) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread = Thread.currentThread().threadId();
        long before = 0;
        for (int n = 0; n < WARM_UP + MEASURED; n++) {
            before = n == WARM_UP ? threads.getThreadAllocatedBytes(thread) : before;
            call.run();
        }
        // Not one byte a call; a recompilation may cost a little.
        assertThat(threads.getThreadAllocatedBytes(thread) - before).isLessThan(MEASURED / 2);
    }

    @Test
    void toSignalAndToDrainACounterAllocatesNothing() {
        try (Descriptor event = EventFd.create()) {
            int number = event.number();
            allocatesNothing(
                    () -> {
                        EventFd.signal(number);
                        assertDrained(EventFd.drain(number));
                    });
            allocatesNothing(
                    () -> {
                        EventFd.signalShared(number);
                        assertDrained(EventFd.drain(number));
                    });
        }
    }

    private static void assertDrained(long count) {
        if (count != 1) {
            throw new AssertionError(count + " signals were drained instead of 1");
        }
    }

    @Test
    void toWaitForDescriptorsAllocatesNothing() {
        try (Epoll epoll = new Epoll();
                Descriptor event = EventFd.create()) {
            long[] tokens = new long[1];
            epoll.add(event.number(), 7);
            EventFd.signal(event.number());
            allocatesNothing(() -> epoll.await(-1, tokens));
            allocatesNothing(() -> epoll.awaitNanos(1_000, tokens));
            assertThat(tokens).containsExactly(7);
        }
    }

    @Test
    void toEnterTheRingAllocatesNothing() {
        try (IoUring ring = IoUring.create(4)) {
            allocatesNothing(
                    () -> {
                        ring.fsync(-1, true, 1); // completes at once, with EBADF
                        ring.submitAndWait(1);
                        ring.reap((userData, result) -> {});
                    });
            assertThat(ring.inFlight()).isZero();
        }
    }
}
