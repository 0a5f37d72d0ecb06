package niter.lab;

/**
 * What a load does.
 *
 * @param queues queue pairs, 1 to 32
 * @param depth commands in flight on each, 1 to 1023
 * @param blockBytes of each read and write, a multiple of 512, at most 256 KiB
 * @param reads their part of all commands, beside the two that follow
 * @param fuaPercent of the writes, which are to be durable when they are acknowledged
 * @param sequential block after block, otherwise anywhere
 * @param direct past the page cache, as O_DIRECT has it
 * @param verify whether blocks carry what a read then checks
 * @param perSecond commands a second, 0 for as many as go
 */
record Job(
        int queues,
        int depth,
        int blockBytes,
        int reads,
        int writes,
        int flushes,
        int fuaPercent,
        boolean sequential,
        boolean direct,
        boolean verify,
        double perSecond) {

    /** One queue pair of reads, or of writes. */
    static Job of(int blockBytes, int depth, boolean sequential, boolean write) {
        int reads = write ? 0 : 1;
        return new Job(1, depth, blockBytes, reads, 1 - reads, 0, 0, sequential, false, false, 0);
    }

    /** The same past the page cache. */
    Job directly() {
        return new Job(
                queues,
                depth,
                blockBytes,
                reads,
                writes,
                flushes,
                fuaPercent,
                sequential,
                true,
                verify,
                perSecond);
    }

    /** Commands that may be in flight at once. */
    int inFlight() {
        return queues * depth;
    }

    /** As its row is called. */
    String name() {
        String size = blockBytes % 1024 == 0 ? blockBytes / 1024 + " KiB" : blockBytes + " B";
        String kind =
                switch (Integer.signum(reads) + 2 * Integer.signum(writes)) {
                    case 1 -> "read";
                    case 2 -> "write";
                    default -> "mixed";
                };
        String name =
                "%s %s %s, depth %d"
                        .formatted(size, sequential ? "sequential" : "random", kind, depth);
        String all = queues == 1 ? name : name + " on " + queues + " queues";
        return direct ? all + ", O_DIRECT" : all;
    }
}
