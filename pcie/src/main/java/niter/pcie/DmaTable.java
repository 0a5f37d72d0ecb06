package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.linux.LinuxException;
import niter.linux.Mapping;
import niter.linux.MemoryFile;
import org.jspecify.annotations.Nullable;

/**
 * The DMA map: ranges of bus addresses in the segment, and where they are mapped into this process.
 * The segment decides; the mappings follow by {@link #refresh}. For the function's thread.
 */
final class DmaTable implements DmaMap {
    private static final System.Logger LOG = System.getLogger(DmaTable.class.getName());
    private static final long PAGE_BYTES = 4096;
    private static final int MAX = Wire.MAX_DMA_MAPS;

    private final String id;
    private final FunctionSegment segment;
    private final HeldDescriptors descriptors;
    private final LogRation ration;
    private final Map<Long, Mapping> mappings = new HashMap<>(); // by token

    // What address() looks at, rebuilt by refresh.
    private final long[] starts = new long[MAX];
    private final long[] sizes = new long[MAX];
    private final long[] hosts = new long[MAX]; // 0: granted, but not reachable
    private final int[] flags = new int[MAX];
    private int count;
    private int last; // where the previous answer was
    private int generation;

    DmaTable(String id, FunctionSegment segment, HeldDescriptors descriptors, LogRation ration) {
        this.id = id;
        this.ration = ration;
        this.segment = segment;
        this.descriptors = descriptors;
    }

    @Override
    public int generation() {
        return generation;
    }

    @Override
    public long address(long iova, long lengthBytes, boolean write) {
        int needed = write ? Wire.MAP_WRITE : Wire.MAP_READ;
        for (int n = 0, i = last; n < count; n++, i = i + 1 == count ? 0 : i + 1) {
            long offset = iova - starts[i];
            // Unsigned: an address below the start is a huge offset.
            if (Long.compareUnsigned(offset, sizes[i]) < 0) {
                boolean granted =
                        lengthBytes > 0
                                && Long.compareUnsigned(lengthBytes, sizes[i] - offset) <= 0
                                && (flags[i] & needed) != 0
                                && hosts[i] != 0;
                last = i;
                return granted ? hosts[i] + offset : 0;
            }
        }
        return 0;
    }

    /**
     * Stages a range.
     *
     * @param token of the file that backs it, 0 for none
     * @return 0 or an errno
     */
    int map(long address, long size, long offset, int mapFlags, long token) {
        MemorySegment slot = segment.stagedSlot();
        int entries = slot.get(JAVA_INT, SegmentLayout.DMA_COUNT);
        if (size <= 0 || wraps(address, size)) {
            return Errno.EINVAL;
        }
        for (int i = 0; i < entries; i++) {
            long at = entry(i);
            long start = slot.get(JAVA_LONG, at + SegmentLayout.DMA_ADDRESS);
            long length = slot.get(JAVA_LONG, at + SegmentLayout.DMA_SIZE);
            if (Long.compareUnsigned(address, start + length - 1) <= 0
                    && Long.compareUnsigned(start, address + size - 1) <= 0) {
                return Errno.EEXIST;
            }
        }
        if (entries == MAX) {
            return Errno.ENOSPC;
        }
        if (token != 0) {
            if (address % PAGE_BYTES != 0) { // what is aligned there is to be aligned here
                return Errno.EINVAL;
            }
            int errno = mapFile(token, offset, size, mapFlags);
            if (errno != 0) {
                return errno;
            }
        }
        long at = entry(entries);
        slot.set(JAVA_LONG, at + SegmentLayout.DMA_ADDRESS, address);
        slot.set(JAVA_LONG, at + SegmentLayout.DMA_SIZE, size);
        slot.set(JAVA_LONG, at + SegmentLayout.DMA_OFFSET, offset);
        slot.set(JAVA_LONG, at + SegmentLayout.DMA_TOKEN, token);
        slot.set(JAVA_LONG, at + SegmentLayout.DMA_FLAGS, mapFlags);
        slot.set(JAVA_INT, SegmentLayout.DMA_COUNT, entries + 1);
        return 0;
    }

    private static boolean wraps(long address, long size) {
        return Long.compareUnsigned(address + (size - 1), address) < 0;
    }

    /**
     * Maps a part of a client's file. A file that can shrink is refused: SIGBUS would be its
     * weapon.
     */
    private int mapFile(long token, long offset, long size, int mapFlags) {
        int fd = descriptors.number(token);
        if (fd < 0) {
            return Errno.EBADF;
        }
        try {
            boolean sealed = (MemoryFile.seals(fd) & MemoryFile.SEAL_SHRINK) != 0;
            long fileBytes = FileIo.size(fd);
            if (!sealed || offset < 0 || offset % PAGE_BYTES != 0 || size > fileBytes - offset) {
                return Errno.EINVAL;
            }
            boolean writable = (mapFlags & Wire.MAP_WRITE) != 0;
            mappings.put(token, Mapping.map(fd, offset, size, writable));
            return 0;
        } catch (LinuxException e) {
            return e.errno();
        }
    }

    /**
     * Stages the removal of every range that lies in this one.
     *
     * @return 0, or an errno where none does or one would be cut
     */
    int unmap(long address, long size) {
        if (size <= 0 || wraps(address, size)) {
            return Errno.EINVAL;
        }
        MemorySegment slot = segment.stagedSlot();
        int entries = slot.get(JAVA_INT, SegmentLayout.DMA_COUNT);
        int kept = 0;
        for (int i = 0; i < entries; i++) {
            long at = entry(i);
            long start = slot.get(JAVA_LONG, at + SegmentLayout.DMA_ADDRESS);
            long end = start + slot.get(JAVA_LONG, at + SegmentLayout.DMA_SIZE) - 1;
            boolean startsInside = contains(address, size, start);
            boolean endsInside = contains(address, size, end);
            if (startsInside != endsInside
                    || !startsInside
                            && Long.compareUnsigned(start, address) < 0
                            && Long.compareUnsigned(address, end) <= 0) {
                return Errno.EINVAL; // a range would be cut
            }
            if (!startsInside) {
                MemorySegment.copy(slot, at, slot, entry(kept), SegmentLayout.DMA_ENTRY_BYTES);
                kept++;
            }
        }
        slot.set(JAVA_INT, SegmentLayout.DMA_COUNT, kept);
        return kept == entries ? Errno.ENOENT : 0;
    }

    private static boolean contains(long address, long size, long point) {
        return Long.compareUnsigned(point - address, size) < 0;
    }

    /** Stages the removal of every range. */
    void unmapAll() {
        segment.stagedSlot().set(JAVA_INT, SegmentLayout.DMA_COUNT, 0);
    }

    /** After a commit, or at a take-over: makes the mappings what the segment says. */
    void refresh() {
        MemorySegment slot = segment.currentSlot();
        Set<Long> tokens = new HashSet<>();
        count = Math.min(slot.get(JAVA_INT, SegmentLayout.DMA_COUNT), MAX);
        last = 0;
        generation++;
        for (int i = 0; i < count; i++) {
            long at = entry(i);
            long token = slot.get(JAVA_LONG, at + SegmentLayout.DMA_TOKEN);
            starts[i] = slot.get(JAVA_LONG, at + SegmentLayout.DMA_ADDRESS);
            sizes[i] = slot.get(JAVA_LONG, at + SegmentLayout.DMA_SIZE);
            flags[i] = (int) slot.get(JAVA_LONG, at + SegmentLayout.DMA_FLAGS);
            hosts[i] = token == 0 ? 0 : host(token, slot, at);
            tokens.add(token);
        }
        var entries = mappings.entrySet().iterator();
        while (entries.hasNext()) {
            var entry = entries.next();
            if (!tokens.contains(entry.getKey())) {
                entry.getValue().close();
                entries.remove();
            }
        }
    }

    private long host(long token, MemorySegment slot, long at) {
        @Nullable Mapping mapping = mappings.get(token);
        if (mapping == null) {
            long offset = slot.get(JAVA_LONG, at + SegmentLayout.DMA_OFFSET);
            long size = slot.get(JAVA_LONG, at + SegmentLayout.DMA_SIZE);
            int mapFlags = (int) slot.get(JAVA_LONG, at + SegmentLayout.DMA_FLAGS);
            int errno = mapFile(token, offset, size, mapFlags);
            if (errno != 0) {
                ration.log(
                        LOG,
                        System.Logger.Level.ERROR,
                        "{0}: guest memory cannot be mapped again: {1}",
                        id,
                        Errno.name(errno));
            }
            mapping = mappings.get(token);
        }
        return mapping == null ? 0 : mapping.address();
    }

    boolean refersTo(long token) {
        MemorySegment slot = segment.currentSlot();
        for (int i = 0; i < count; i++) {
            if (slot.get(JAVA_LONG, entry(i) + SegmentLayout.DMA_TOKEN) == token) {
                return true;
            }
        }
        return false;
    }

    private long entry(int index) {
        return segment.layout().dmaTable() + SegmentLayout.DMA_ENTRY_BYTES * index;
    }

    /** Unmaps everything from this process. */
    void close() {
        mappings.values().forEach(Mapping::close);
        mappings.clear();
        count = 0;
    }
}
