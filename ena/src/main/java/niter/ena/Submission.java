package niter.ena;

/** A submission queue, derived from the state. Its address is 0 while it cannot be reached. */
final class Submission {
    final boolean transmit;
    final int index;
    final int epoch;
    final int depth;
    final long base;
    final Completion completion;
    long address;

    Submission(
            boolean transmit, int index, int epoch, int depth, long base, Completion completion) {
        this.transmit = transmit;
        this.index = index;
        this.epoch = epoch;
        this.depth = depth;
        this.base = base;
        this.completion = completion;
    }

    boolean reachable() {
        return address != 0 && completion.address != 0;
    }

    /** Host address of a descriptor. */
    long descriptor(int position) {
        return address + (long) (position & depth - 1) * Limits.DESCRIPTOR_BYTES;
    }
}
