package niter.ena;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** The data path makes no garbage. */
class AllocationTest {
    private static final int WARM_UP = 20_000;
    private static final int MEASURED = 20_000;

    /** Counts what passes. */
    private static final class Counting extends Silence {
        long bytes;

        @Override
        public void sent(Frame frame) {
            bytes += frame.length();
        }
    }

    @Test
    void packetsBothWaysAllocateNothing() {
        FakeFunction function = new FakeFunction(1 << 20);
        Driver driver = new Driver(function);
        Counting network = new Counting();
        driver.device = new EnaController(EnaIdentity.of("0e:01:02:03:04:05", 9216), network);
        driver.device.attach(function, false);
        driver.probe();
        Driver.Ring transmit = driver.transmit(256, 1);
        Driver.Ring receive = driver.receive(256, 1);
        byte[] packet = Packets.ip(true, true, 1400, true);
        MemorySegment memory = Arena.ofAuto().allocate(packet.length);
        memory.copyFrom(MemorySegment.ofArray(packet));
        long data = driver.allocate(packet.length);
        driver.at(data, packet.length).copyFrom(memory);
        long buffer = driver.allocate(2048);
        Frame frame = new Frame();
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread = Thread.currentThread().threadId();
        long allocated = 0;
        for (int n = 0; n < WARM_UP + MEASURED; n++) {
            Driver.put(transmit, 1, data, packet.length, 1 << 14 | 8 | 12 << 8, true, true);
            transmit.ring();
            receive.post(1, buffer, 2048);
            receive.ring();
            long before = threads.getThreadAllocatedBytes(thread);
            while (driver.device.poll(64) > 0) {
                // until idle
            }
            boolean taken = driver.device.receive(frame.wrap(memory, packet.length));
            driver.device.flush();
            long after = threads.getThreadAllocatedBytes(thread);
            allocated += n < WARM_UP ? 0 : after - before;
            assertThat(taken).isTrue();
            transmit.take();
            receive.take();
        }
        assertThat(network.bytes).isEqualTo((long) packet.length * (WARM_UP + MEASURED));
        // Not one byte a packet; a recompilation may cost a little.
        assertThat(allocated).isLessThan(MEASURED / 2);
    }
}
