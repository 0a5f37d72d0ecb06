package niter.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** The data path makes no garbage. */
class AllocationTest {
    private static final int WARM_UP = 20_000;
    private static final int MEASURED = 20_000;

    private final MemoryNamespace namespace =
            new MemoryNamespace(Arena.ofAuto().allocate(1 << 20), null);

    @Test
    void readsAndWritesAllocateNothing() {
        Guest guest = Guest.over(namespace);
        guest.enable();
        Guest.Pair pair = guest.pair(1, 64);
        long data = guest.allocate(8192);
        Command read = Command.read(8, 16, data, data + 4096);
        Command write = Command.write(8, 16, data, data + 4096);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread = Thread.currentThread().threadId();
        long inPoll = 0;
        for (int n = 0; n < WARM_UP + MEASURED; n++) {
            pair.put((n & 1) == 0 ? read : write);
            pair.ring();
            long before = threads.getThreadAllocatedBytes(thread);
            while (guest.controller.poll(64) > 0) {
                // until idle
            }
            long after = threads.getThreadAllocatedBytes(thread);
            inPoll += n < WARM_UP ? 0 : after - before;
            assertThat(pair.peek()).isNotNull();
            pair.take();
        }
        // Not one byte a command; a recompilation may cost a little.
        assertThat(inPoll).isLessThan(MEASURED / 2);
    }
}
