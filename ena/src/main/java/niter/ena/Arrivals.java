package niter.ena;

/** What lies in a receive queue's buffers and its driver was not told of yet. */
final class Arrivals {
    /** Buffers: as many as an announcement holds. */
    static final int MOST = LiveState.MAX_ENTRIES;

    private final int[] statuses = new int[MOST];
    private final int[] lengthsAndIds = new int[MOST];
    private final int[] hashes = new int[MOST];
    private int count;
    private int frames;
    private long bytes;

    /** Buffers that are filled. */
    int count() {
        return count;
    }

    int frames() {
        return frames;
    }

    /** Of all the frames. */
    long bytes() {
        return bytes;
    }

    /** A buffer was filled: the words of its completion. */
    void add(int status, int lengthAndId, int hash) {
        statuses[count] = status;
        lengthsAndIds[count] = lengthAndId;
        hashes[count] = hash;
        count++;
    }

    /** The buffers that were added last hold a whole frame. */
    void whole(int frameBytes) {
        frames++;
        bytes += frameBytes;
    }

    /** Writes the completions' words where they are announced from. */
    void write(CompletionPoster poster, int queue) {
        for (int i = 0; i < count; i++) {
            poster.entry(i, statuses[i], lengthsAndIds[i]);
            poster.rest(i, hashes[i], queue);
        }
    }

    void clear() {
        count = 0;
        frames = 0;
        bytes = 0;
    }
}
