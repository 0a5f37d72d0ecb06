package niter.pcie;

/**
 * Where things lie in a function segment, version {@value #VERSION}. Offsets in bytes.
 *
 * <pre>
 * 0      header: u64 magic, u32 version, u32 the device's version, 16 characters kind, u32 vectors,
 *        u64 sizes of the device's state, 56 u32 detachable
 * 64     u32 switch: which slot is valid
 * 4096   slot 0, then slot 1
 *          0     u64 epoch: counts connections
 *          8     u64 position: bytes of the connection's stream that were applied
 *          16    u64 next token: names descriptors
 *          24    u32 connected, 28 u32 version negotiated, 32 u32 DMA ranges, 36 u32 reply bytes
 *          256   configuration space, 256 bytes
 *          512   a u64 token per MSI-X vector, 0 for none
 *          …     of a detachable function: the MSI-X table, 16 bytes per vector
 *          …     DMA ranges: u64 address, size, file offset, token (0: none), flags
 *          …     the reply: struct mmsghdr, struct iovec, bytes
 *          …     the device's transactional state
 * …      live: u64 consumed, u64 epoch, u64 consume from, u64 consume bytes
 *          32    u32 process that serves now, u32 process that it ended, u64 last end, u32 verdict
 *          64    struct mmsghdr, struct iovec of the consume record
 *          192   pending bits, one per vector
 *          512   the device's live state
 * </pre>
 *
 * Version 1 had no detachable functions; all others lay as they do now.
 */
record SegmentLayout(int vectors, boolean detachable, long slotBytes, long liveBytes) {
    static final int VERSION = 2;

    /** What this process can go on with, too. */
    static final int PREVIOUS_VERSION = 1;

    /** "NITERFN1" in memory order. */
    static final long MAGIC = 0x314e_4652_4554_494eL;

    static final long MAGIC_AT = 0;
    static final long VERSION_AT = 8;
    static final long DEVICE_VERSION_AT = 12;
    static final long KIND_AT = 16;
    static final int KIND_BYTES = 16;
    static final long VECTORS_AT = 32;
    static final long SLOT_BYTES_AT = 40;
    static final long LIVE_BYTES_AT = 48;
    static final long DETACHABLE_AT = 56;
    static final long SWITCH_AT = 64;

    static final long SLOTS_AT = 4096;
    static final long EPOCH = 0;
    static final long POSITION = 8;
    static final long NEXT_TOKEN = 16;
    static final long CONNECTED = 24;
    static final long NEGOTIATED = 28;
    static final long DMA_COUNT = 32;
    static final long REPLY_LENGTH = 36;
    static final long CONFIG = 256;
    static final long VECTOR_TOKENS = 512;

    static final long DMA_ENTRY_BYTES = 40;
    static final long DMA_ADDRESS = 0;
    static final long DMA_SIZE = 8;
    static final long DMA_OFFSET = 16;
    static final long DMA_TOKEN = 24;
    static final long DMA_FLAGS = 32;

    static final long REPLY_IOVEC = 64; // from the start of the reply
    static final long REPLY_DATA = 128;

    static final long CONSUMED = 0;
    static final long CONSUMED_EPOCH = 8;
    static final long CONSUME_FROM = 16;
    static final long CONSUME_LENGTH = 24;
    static final long SERVED_BY = 32;
    static final long ENDED_BY = 36;
    static final long LAST_END = 40;
    static final long VERDICT = 48;
    static final long CONSUME_HEADER = 64;
    static final long CONSUME_IOVEC = 128;
    static final long PENDING = 192;
    static final long DEVICE_LIVE = 512;

    static SegmentLayout of(FunctionShape shape) {
        return new SegmentLayout(
                shape.msixVectors(), shape.detachable(), shape.slotBytes(), shape.liveBytes());
    }

    long msixTable() {
        return VECTOR_TOKENS + 8L * vectors;
    }

    long dmaTable() {
        return msixTable() + (detachable ? (long) MsixTable.ENTRY_BYTES * vectors : 0);
    }

    long reply() {
        return align(dmaTable() + DMA_ENTRY_BYTES * Wire.MAX_DMA_MAPS, 64);
    }

    long deviceSlot() {
        return align(reply() + REPLY_DATA + Wire.MAX_REPLY_BYTES, 64);
    }

    long slotSize() {
        return align(deviceSlot() + slotBytes, 4096);
    }

    long slot(int index) {
        return SLOTS_AT + index * slotSize();
    }

    long live() {
        return slot(2);
    }

    long totalBytes() {
        return align(live() + DEVICE_LIVE + liveBytes, 4096);
    }

    private static long align(long bytes, long unit) {
        return (bytes + unit - 1) / unit * unit;
    }
}
