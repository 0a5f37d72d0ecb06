package niter.lab;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import niter.linux.Memory;
import niter.pcie.FunctionClient;

/**
 * A driver's doorbells: posted writes to BAR0, or Linux's shadow doorbells, where a write is left
 * out unless the device asked for it (Doorbell Buffer Config, NVMe Base 2.2, section 5.3.8). The
 * admin queue's are always written. For one thread.
 */
final class DriverDoorbells {
    private static final MemorySegment ALL = Memory.all();
    private static final VarHandle INT = JAVA_INT.varHandle();
    private static final int PAGE_BYTES = 4096;
    private static final int REGISTERS = 0x1000;

    /** Where the device finds the two pages. */
    final long shadow;

    final long eventIndexes;

    private final FunctionClient client;
    private final long shadowAt;
    private final long eventIndexAt;
    private boolean shadowed;
    private long posted;

    DriverDoorbells(FunctionClient client, GuestMemory memory) {
        this.client = client;
        shadow = memory.allocate(PAGE_BYTES);
        eventIndexes = memory.allocate(PAGE_BYTES);
        shadowAt = memory.address(shadow);
        eventIndexAt = memory.address(eventIndexes);
    }

    /** The device has taken the pages, or lost them by a reset. */
    void shadowed(boolean on) {
        shadowed = on;
    }

    /** Before the device is told of the pages. */
    void clear() {
        ALL.asSlice(shadowAt, PAGE_BYTES).fill((byte) 0);
        ALL.asSlice(eventIndexAt, PAGE_BYTES).fill((byte) 0);
    }

    /** Before a queue is made while the pages count: a host's duty. */
    void clear(int queue) {
        ALL.asSlice(shadowAt + 8L * queue, 8).fill((byte) 0);
        ALL.asSlice(eventIndexAt + 8L * queue, 8).fill((byte) 0);
    }

    void tail(QueuePair queue) throws IOException {
        ring(2 * queue.id, queue.tail());
    }

    void head(QueuePair queue) throws IOException {
        ring(2 * queue.id + 1, queue.head());
    }

    private void ring(int index, int value) throws IOException {
        if (!shadowed || index < 2 || isAskedFor(4L * index, value)) {
            client.post(0, REGISTERS + 4L * index, 4, value);
            posted++;
        }
    }

    /** As nvme_dbbuf_update_and_check_event. */
    private boolean isAskedFor(long offset, int value) {
        int old = (int) INT.get(ALL, shadowAt + offset);
        INT.setRelease(ALL, shadowAt + offset, value); // entries first
        VarHandle.fullFence(); // the device writes its index, then reads the doorbell
        int asked = (int) INT.getAcquire(ALL, eventIndexAt + offset);
        return (value - asked - 1 & 0xffff) < (value - old & 0xffff);
    }

    /** Messages sent. */
    long posted() {
        return posted;
    }
}
