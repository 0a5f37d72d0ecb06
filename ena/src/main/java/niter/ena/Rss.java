package niter.ena;

import java.lang.foreign.MemorySegment;

/** Which receive queue a frame goes to, and its hash. */
final class Rss {
    private static final int LAYER3_DESTINATION = 1 << 2;
    private static final int LAYER3_SOURCE = 1 << 3;
    private static final int LAYER4_DESTINATION = 1 << 4;
    private static final int LAYER4_SOURCE = 1 << 5;
    // Rows of the hash input table.
    private static final int TCP4 = 0;
    private static final int UDP4 = 1;
    private static final int TCP6 = 2;
    private static final int UDP6 = 3;
    private static final int IP4 = 4;
    private static final int IP6 = 5;
    private static final int IP4_FRAGMENT = 6;

    private final SlotState slot;
    private final Toeplitz toeplitz = new Toeplitz();
    private final int[] inputs = new int[Limits.HASH_PROTOCOLS];
    private int initial;
    private boolean keyed;
    private boolean table;

    Rss(SlotState slot) {
        this.slot = slot;
    }

    /** After a commit that may have changed it, and at a take-over. */
    void refresh() {
        keyed = slot.hashKeySet();
        table = slot.tableSet();
        initial = slot.hashInitial();
        if (keyed) {
            toeplitz.key(slot);
        }
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = slot.hashInputsSet() ? slot.hashInput(i) : HashFeatures.supported(i);
        }
    }

    /** The hash; 0 for what is not IP, or while there is no key. */
    int hash(MemorySegment head, Layers layers) {
        if (!keyed || layers.protocol() == Layers.NONE) {
            return 0;
        }
        boolean four = layers.etherType() == Layers.IPV4;
        int fields = inputs[row(layers, four)];
        int size = four ? 4 : 16;
        int source = layers.network() + (four ? 12 : 8);
        int hash = initial;
        if ((fields & LAYER3_SOURCE) != 0) {
            hash ^= toeplitz.share(head, source, size, 0);
        }
        if ((fields & LAYER3_DESTINATION) != 0) {
            hash ^= toeplitz.share(head, source + size, size, size);
        }
        if ((fields & LAYER4_SOURCE) != 0) {
            hash ^= toeplitz.share(head, layers.transport(), 2, 2 * size);
        }
        if ((fields & LAYER4_DESTINATION) != 0) {
            hash ^= toeplitz.share(head, layers.transport() + 2, 2, 2 * size + 2);
        }
        return hash;
    }

    private static int row(Layers layers, boolean four) {
        if (layers.isFragment()) {
            return four ? IP4_FRAGMENT : IP6;
        }
        return switch (layers.protocol()) {
            case Layers.TCP -> four ? TCP4 : TCP6;
            case Layers.UDP -> four ? UDP4 : UDP6;
            default -> four ? IP4 : IP6;
        };
    }

    /** The receive queue's index. */
    int queue(int hash) {
        return table ? slot.table(hash & Limits.TABLE - 1) : 0;
    }
}
