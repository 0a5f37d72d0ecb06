package niter.nvme;

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
    void doorbell(int index, int value) {
        around(() -> super.doorbell(index, value));
    }

    @Override
    void startSubmission(int queue, int epoch) {
        around(() -> super.startSubmission(queue, epoch));
    }

    @Override
    void startCompletion(int queue, int epoch) {
        around(() -> super.startCompletion(queue, epoch));
    }

    @Override
    void fetched(int queue, long position) {
        around(() -> super.fetched(queue, position));
    }

    @Override
    void adminPosted(int number) {
        around(() -> super.adminPosted(number));
    }

    @Override
    void announce(int queue, int epoch, int position, int tag, int last) {
        around(() -> super.announce(queue, epoch, position, tag, last));
    }

    @Override
    void announced(int queue) {
        around(() -> super.announced(queue));
    }

    @Override
    void entered(int tag) {
        around(() -> super.entered(tag));
    }

    @Override
    void posted(int queue, int tail) {
        around(() -> super.posted(queue, tail));
    }

    @Override
    void withdraw() {
        around(super::withdraw);
    }

    @Override
    void enter(
            int tag,
            int queue,
            int epoch,
            long position,
            long startNanos,
            MemorySegment source,
            long sourceAt) {
        around(() -> super.enter(tag, queue, epoch, position, startNanos, source, sourceAt));
    }

    @Override
    void finish(int tag, int status) {
        around(() -> super.finish(tag, status));
    }

    @Override
    void leave(int tag) {
        around(() -> super.leave(tag));
    }
}
