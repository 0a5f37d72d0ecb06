package niter.card.ebs;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What each block may hold after a power cut: any value that was on its way since the last one that
 * is certain. Two layers speak this language: what the file was given, which is what a disk may
 * have, and what the guest was told, which is what it may find.
 */
final class Versions {
    private static final int NEVER = Integer.MAX_VALUE;

    /** Blocks that are written by one act. */
    static final class Change {
        final int first;
        final long[] values; // by block
        final boolean durable; // certain once it has ended

        private int ended; // when, in the replay
        private int blocks; // that it wrote, from the first on

        Change(int first, long[] values, boolean durable) {
            this.first = first;
            this.values = values;
            this.durable = durable;
        }
    }

    private record Version(long value, Change by) {}

    private final List<List<Version>> blocks = new ArrayList<>();

    /** Blocks of zeroes, for certain. */
    Versions(int count) {
        Change origin = new Change(0, new long[count], true);
        origin.blocks = count;
        for (int block = 0; block < count; block++) {
            blocks.add(new ArrayList<>(List.of(new Version(0, origin))));
        }
    }

    /** From now on its values may be there, block by block. */
    void begin(Change change) {
        change.ended = NEVER;
        for (int n = 0; n < change.values.length; n++) {
            blocks.get(change.first + n).add(new Version(change.values[n], change));
        }
    }

    /**
     * It has ended.
     *
     * @param count blocks that it wrote
     */
    void end(Change change, int count, int now) {
        change.ended = now;
        change.blocks = count;
        if (change.durable) {
            for (int n = 0; n < count; n++) {
                settle(change.first + n, now + 1);
            }
        }
    }

    /** What had ended before a flush began is certain. */
    void barrier(int since) {
        for (int block = 0; block < blocks.size(); block++) {
            settle(block, since);
        }
    }

    private void settle(int block, int before) {
        List<Version> versions = blocks.get(block);
        for (int n = versions.size() - 1; n > 0; n--) {
            Change by = versions.get(n).by;
            if (by.ended < before && block - by.first < by.blocks) {
                versions.subList(0, n).clear();
                return;
            }
        }
    }

    /** One of the values that a block may have. @param newest how likely the last one is */
    long draw(int block, SplittableRandom random, double newest) {
        List<Version> versions = blocks.get(block);
        int last = versions.size() - 1;
        boolean takeLast = last == 0 || random.nextDouble() < newest;
        return versions.get(takeLast ? last : random.nextInt(last)).value;
    }

    boolean allows(int block, long value) {
        return blocks.get(block).stream().anyMatch(version -> version.value == value);
    }

    int count() {
        return blocks.size();
    }

    /** For a failure's message. */
    String describe(int block) {
        return blocks.get(block).stream()
                .map(version -> Long.toHexString(version.value))
                .toList()
                .toString();
    }
}
