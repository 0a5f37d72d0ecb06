package niter.ena;

import java.lang.foreign.MemorySegment;

/** Live state that calls a step before and after each store: there a process may end. */
final class DyingLiveState extends LiveState {
    private final Runnable step;

    DyingLiveState(MemorySegment memory, Runnable step) {
        super(memory);
        this.step = step;
    }

    private void around(Runnable store) {
        step.run();
        store.run();
        step.run();
    }

    @Override
    void clear() {
        around(super::clear);
    }

    @Override
    void begin(int life) {
        around(() -> super.begin(life));
    }

    @Override
    void answersPosted(int number) {
        around(() -> super.answersPosted(number));
    }

    @Override
    void adminTail(int tail) {
        around(() -> super.adminTail(tail));
    }

    @Override
    void eventHead(int head) {
        around(() -> super.eventHead(head));
    }

    @Override
    void linkTold(int told) {
        around(() -> super.linkTold(told));
    }

    @Override
    void startSubmission(boolean transmit, int index, int epoch) {
        around(() -> super.startSubmission(transmit, index, epoch));
    }

    @Override
    void tail(boolean transmit, int index, int value) {
        around(() -> super.tail(transmit, index, value));
    }

    @Override
    void meta(int index, int word1, int word2) {
        around(() -> super.meta(index, word1, word2));
    }

    @Override
    void startCompletion(int index, int epoch) {
        around(() -> super.startCompletion(index, epoch));
    }

    @Override
    void announce(int kind, int queue, int consumed, int first, int count) {
        around(() -> super.announce(kind, queue, consumed, first, count));
    }

    @Override
    void produced(int index, int after) {
        around(() -> super.produced(index, after));
    }

    @Override
    void consumed(boolean transmit, int index, int position) {
        around(() -> super.consumed(transmit, index, position));
    }

    @Override
    void eventsProduced(int after) {
        around(() -> super.eventsProduced(after));
    }

    @Override
    void withdraw() {
        around(super::withdraw);
    }

    @Override
    void unmasked(int vector, boolean unmasked) {
        around(() -> super.unmasked(vector, unmasked));
    }

    @Override
    void pending(int vector, boolean pending) {
        around(() -> super.pending(vector, pending));
    }

    @Override
    void delays(int vector, int value) {
        around(() -> super.delays(vector, value));
    }
}
