package niter.lab;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import niter.linux.Epoll;
import niter.pcie.FunctionClient;

/**
 * Interrupts by messages, as a detachable function sends them: it keeps the MSI-X table, and writes
 * a vector's data to the vector's address. Here that is a word of guest memory for each. For the
 * driver's thread.
 */
final class MessageInterrupts implements Interrupts {
    private static final int CONFIG = 7; // a region
    private static final int CAPABILITY = 0x50; // of MSI-X
    private static final int CONTROL = CAPABILITY + 2;
    private static final int ENABLE = 0x8000;
    private static final int ENTRY_BYTES = 16;
    private static final int FIRED = 1; // the vectors' data

    private final FunctionClient client;
    private final int bar;
    private final long table;
    private final int vectors;
    private final long page;
    private final MemorySegment words;
    private final Epoll epoll = new Epoll();
    private final long[] tokens = new long[1];
    private long count;

    MessageInterrupts(FunctionClient client, GuestMemory memory, int vectors) throws IOException {
        this.client = client;
        this.vectors = vectors;
        int place = (int) client.read(CONFIG, CAPABILITY + 4, 4);
        bar = place & 7;
        table = place & ~7;
        page = memory.allocate(4L * vectors);
        words = memory.segment(page, 4L * vectors);
        epoll.add(client.socket().number(), 0);
    }

    @Override
    public void assign(int vectors, NvmeDriver.Steps steps) throws IOException {
        for (int i = 0; i < vectors; i++) {
            long entry = table + (long) ENTRY_BYTES * i;
            client.write(bar, entry, 8, page + 4L * i);
            client.write(bar, entry + 8, 4, FIRED);
            client.write(bar, entry + 12, 4, 0); // not masked
            steps.passed();
        }
        client.write(CONFIG, CONTROL, 2, ENABLE);
        steps.passed();
    }

    @Override
    public void disable() throws IOException {
        client.write(CONFIG, CONTROL, 2, 0);
    }

    @Override
    public boolean take(int vector) {
        boolean fired = words.get(JAVA_INT, 4L * vector) != 0; // the client has written it
        if (fired) {
            words.set(JAVA_INT, 4L * vector, 0);
            count++;
        }
        return fired;
    }

    @Override
    public void clear() {
        words.fill((byte) 0);
    }

    @Override
    public void await(long nanos) throws IOException {
        boolean fired = false;
        for (int i = 0; i < vectors; i++) {
            fired |= words.get(JAVA_INT, 4L * i) != 0; // with a reply
        }
        if (epoll.awaitNanos(fired ? 0 : nanos, tokens) > 0) {
            client.obeyAll();
        }
    }

    @Override
    public long count() {
        return count;
    }

    @Override
    public void close() {
        epoll.close();
    }
}
