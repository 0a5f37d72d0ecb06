package niter.ena;

/** A completion queue, derived from the state. Its address is 0 while it cannot be reached. */
final class Completion {
    final int index;
    final int epoch;
    final int depth;
    final int entryBytes;
    final int vector;
    final long base;
    long address;

    Completion(int index, int epoch, int depth, int entryBytes, int vector, long base) {
        this.index = index;
        this.epoch = epoch;
        this.depth = depth;
        this.entryBytes = entryBytes;
        this.vector = vector;
        this.base = base;
    }

    /** The phase bit of an entry: 1 in the first round. */
    int phase(int position) {
        return (position >>> Integer.numberOfTrailingZeros(depth) & 1) ^ 1;
    }

    long entry(int position) {
        return address + (long) (position & depth - 1) * entryBytes;
    }
}
