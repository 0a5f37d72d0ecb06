package niter.pcie;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import niter.linux.Descriptor;
import org.junit.jupiter.api.Test;

/** What a device asks of its function for each packet or command makes no garbage. */
class AllocationTest {
    private static final int WARM_UP = 20_000;
    private static final int MEASURED = 20_000;

    @Test
    void toAskForTheCommandRegisterAllocatesNothing() throws IOException {
        Adder device = new Adder(() -> {});
        FunctionShape shape = device.shape();
        try (Descriptor file = FunctionSegment.allocate("adder", shape);
                FakeEscrow escrow = new FakeEscrow(() -> {});
                FunctionSegment segment = FunctionSegment.format(file, shape)) {
            HeldDescriptors held = new HeldDescriptors("adder", escrow);
            Vectors vectors = new Vectors("adder", segment, held, new LogRation(System::nanoTime));
            Regions regions = new Regions(shape, segment, new ConfigSpace(shape), vectors, device);
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long thread = Thread.currentThread().threadId();
            long before = 0;
            int masters = 0;
            for (int n = 0; n < WARM_UP + MEASURED; n++) {
                before = n == WARM_UP ? threads.getThreadAllocatedBytes(thread) : before;
                masters += regions.isBusMaster() ? 1 : 0;
            }
            // Not one byte a question; a recompilation may cost a little.
            assertThat(threads.getThreadAllocatedBytes(thread) - before).isLessThan(MEASURED / 2);
            assertThat(masters).isZero();
        }
    }
}
