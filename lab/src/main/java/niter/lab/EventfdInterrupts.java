package niter.lab;

import java.io.IOException;
import java.util.Arrays;
import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.EventFd;
import niter.pcie.FunctionClient;

/** Interrupts by eventfds, as a guest's KVM has them. For the driver's thread. */
final class EventfdInterrupts implements Interrupts {
    private static final int MAX_DESCRIPTORS = 16; // of a message

    private final FunctionClient client;
    private final Descriptor[] eventfds;
    private final boolean[] fired;
    private final Epoll epoll = new Epoll();
    private final long[] tokens = new long[Epoll.MAX_EVENTS];
    private long count;

    EventfdInterrupts(FunctionClient client, int vectors) {
        this.client = client;
        eventfds = new Descriptor[vectors];
        fired = new boolean[vectors];
        for (int i = 0; i < vectors; i++) {
            eventfds[i] = EventFd.create();
            epoll.add(eventfds[i].number(), i);
        }
    }

    @Override
    public void assign(int vectors, NvmeDriver.Steps steps) throws IOException {
        for (int first = 0; first < vectors; first += MAX_DESCRIPTORS) {
            int end = Math.min(vectors, first + MAX_DESCRIPTORS);
            client.assign(first, Arrays.copyOfRange(eventfds, first, end));
            steps.passed();
        }
    }

    @Override
    public void disable() throws IOException {
        client.disableInterrupts();
    }

    @Override
    public boolean take(int vector) {
        boolean was = fired[vector];
        fired[vector] = false;
        return was;
    }

    @Override
    public void clear() {
        Arrays.fill(fired, false);
    }

    @Override
    public void await(long nanos) {
        int ready = epoll.awaitNanos(nanos, tokens);
        for (int i = 0; i < ready; i++) {
            int vector = (int) tokens[i];
            count += EventFd.drain(eventfds[vector].number());
            fired[vector] = true;
        }
    }

    @Override
    public long count() {
        return count;
    }

    @Override
    public void close() {
        epoll.close();
        for (Descriptor eventfd : eventfds) {
            eventfd.close();
        }
    }
}
