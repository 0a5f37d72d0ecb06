package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;
import niter.linux.Errno;

/**
 * Accesses to the function's regions: configuration space, the device's BARs, and in them the MSI-X
 * table and pending bits. Where the client keeps the table itself it reads as zeroes here. For the
 * function's thread.
 */
final class Regions {
    private static final int OFFSET = Wire.HEADER_BYTES;
    private static final int REGION = OFFSET + 8;
    private static final int COUNT = OFFSET + 12;
    private static final int DATA = OFFSET + 16;

    private final FunctionShape shape;
    private final FunctionSegment segment;
    private final ConfigSpace config;
    private final Vectors vectors;
    private final Device device;
    private final long[] sizes = new long[Wire.REGIONS];

    Regions(
            FunctionShape shape,
            FunctionSegment segment,
            ConfigSpace config,
            Vectors vectors,
            Device device) {
        this.shape = shape;
        this.segment = segment;
        this.config = config;
        this.vectors = vectors;
        this.device = device;
        for (FunctionShape.Bar bar : shape.bars()) {
            sizes[bar.index()] = bar.bytes();
        }
        sizes[Wire.REGION_CONFIG] = ConfigSpace.BYTES;
    }

    /** Bytes, 0 where there is no such region. */
    long size(int region) {
        return sizes[region];
    }

    /** The command register: as staged while a transaction is open. */
    int command() {
        return ConfigSpace.command(segment.visibleSlot(), SegmentLayout.CONFIG);
    }

    boolean isBusMaster() {
        return (command() & ConfigSpace.COMMAND_BUS_MASTER) != 0;
    }

    void interrupt(int vector) {
        vectors.fire(vector, isBusMaster());
    }

    /** Stages the power-on state of function and device; DMA map and eventfds stay the client's. */
    void reset() {
        config.reset(configOf(segment.stagedSlot()));
        vectors.reset();
        device.reset();
    }

    /** Checks a REGION_READ or REGION_WRITE: 0, or an errno. */
    private int check(MemorySegment request) {
        return check(request, 0, request.byteSize());
    }

    private int check(MemorySegment buffer, long at, long size) {
        if (size < DATA) {
            return Errno.EINVAL;
        }
        long offset = buffer.get(JAVA_LONG_UNALIGNED, at + OFFSET);
        int region = buffer.get(JAVA_INT_UNALIGNED, at + REGION);
        int count = buffer.get(JAVA_INT_UNALIGNED, at + COUNT);
        boolean fits =
                region >= 0
                        && region < Wire.REGIONS
                        && count > 0
                        && count <= Wire.MAX_DATA_BYTES
                        && offset >= 0
                        && count <= sizes[region] - offset;
        return fits ? 0 : Errno.EINVAL;
    }

    int read(MemorySegment request, MemorySegment reply) {
        int errno = request.byteSize() == DATA ? check(request) : Errno.EINVAL;
        if (errno != 0) {
            return -errno;
        }
        long offset = request.get(JAVA_LONG_UNALIGNED, OFFSET);
        int region = request.get(JAVA_INT_UNALIGNED, REGION);
        int count = request.get(JAVA_INT_UNALIGNED, COUNT);
        MemorySegment.copy(request, OFFSET, reply, OFFSET, 16);
        if (region == Wire.REGION_CONFIG) {
            MemorySegment.copy(configOf(segment.stagedSlot()), offset, reply, DATA, count);
            if (shape.detachable() && count == ConfigSpace.BYTES) {
                // A client asks for all of it to learn what there is; a guest never does. QEMU
                // could not unplug a function of whose MSI-X it knew.
                ConfigSpace.hideCapabilities(reply, DATA);
            }
        } else {
            readBar(region, offset, reply, count);
        }
        return 16 + count;
    }

    private void readBar(int bar, long offset, MemorySegment reply, int count) {
        int done = 0;
        while (done < count) {
            boolean msix = isMsix(bar, offset + done);
            int length = msix ? 1 : piece(offset + done, count - done);
            long value =
                    msix ? msixByte(offset + done) : device.readBar(bar, offset + done, length);
            for (int i = 0; i < length; i++) {
                reply.set(JAVA_BYTE, DATA + done + i, (byte) (value >>> 8 * i));
            }
            done += length;
        }
    }

    int write(MemorySegment request, MemorySegment reply) {
        int errno = check(request);
        if (errno != 0) {
            return -errno;
        }
        int count = request.get(JAVA_INT_UNALIGNED, COUNT);
        if (request.byteSize() != DATA + (long) count) {
            return -Errno.EINVAL;
        }
        long offset = request.get(JAVA_LONG_UNALIGNED, OFFSET);
        int region = request.get(JAVA_INT_UNALIGNED, REGION);
        MemorySegment data = request.asSlice(DATA, count);
        if (region == Wire.REGION_CONFIG) {
            writeConfig((int) offset, data, count);
        } else {
            writeBar(region, offset, data, count);
        }
        MemorySegment.copy(request, OFFSET, reply, OFFSET, 16);
        return 16;
    }

    private void writeConfig(int offset, MemorySegment data, int count) {
        if (ConfigSpace.isReset(offset, data, count)) {
            reset(); // function level reset; what else the write says is lost with the old state
            return;
        }
        int before = command();
        config.write(configOf(segment.stagedSlot()), offset, data, count);
        int now = command();
        if (now != before) {
            device.commandChanged(now);
        }
    }

    private void writeBar(int bar, long offset, MemorySegment data, int count) {
        int done = 0;
        while (done < count) {
            int length = piece(offset + done, count - done);
            long value = value(data, done, length);
            if (isMsix(bar, offset + done)) {
                vectors.writeTable(offset + done - shape.msixTableOffset(), length, value);
            } else {
                if (!device.storeDoorbell(bar, offset + done, length, value)) {
                    device.writeBar(bar, offset + done, length, value);
                }
            }
            done += length;
        }
    }

    /**
     * Stores the doorbell that a posted write rings, without a transaction and without allocation.
     *
     * @param buffer where the message lies
     * @param at its first byte
     * @param size its length, header included
     * @return false if it is anything else
     */
    boolean storeDoorbell(MemorySegment buffer, long at, long size) {
        if (check(buffer, at, size) != 0) {
            return false;
        }
        int region = buffer.get(JAVA_INT_UNALIGNED, at + REGION);
        int count = buffer.get(JAVA_INT_UNALIGNED, at + COUNT);
        long offset = buffer.get(JAVA_LONG_UNALIGNED, at + OFFSET);
        return region != Wire.REGION_CONFIG
                && size == DATA + (long) count
                && piece(offset, count) == count
                && !isMsix(region, offset)
                && device.storeDoorbell(region, offset, count, value(buffer, at + DATA, count));
    }

    /** Whether this write asks for a function level reset. */
    boolean isReset(MemorySegment request) {
        if (check(request) != 0) {
            return false;
        }
        int count = request.get(JAVA_INT_UNALIGNED, COUNT);
        return request.get(JAVA_INT_UNALIGNED, REGION) == Wire.REGION_CONFIG
                && request.byteSize() == DATA + (long) count
                && ConfigSpace.isReset(
                        (int) request.get(JAVA_LONG_UNALIGNED, OFFSET),
                        request.asSlice(DATA, count),
                        count);
    }

    private static long value(MemorySegment data, long offset, int length) {
        long value = 0;
        for (int i = 0; i < length; i++) {
            value |= (data.get(JAVA_BYTE, offset + i) & 0xffL) << 8 * i;
        }
        return value;
    }

    /** The largest access of 1, 2, 4 or 8 bytes that is aligned and not too long. */
    private static int piece(long offset, int left) {
        int aligned = (int) Math.min(8, Long.lowestOneBit(offset | 8));
        return Math.min(aligned, Integer.highestOneBit(left));
    }

    private boolean isMsix(int bar, long offset) {
        return bar == shape.msixBar()
                && (isIn(
                                offset,
                                shape.msixTableOffset(),
                                (long) vectors.count() * MsixTable.ENTRY_BYTES)
                        || isIn(offset, shape.msixPbaOffset(), (vectors.count() + 63) / 64 * 8L));
    }

    private static boolean isIn(long offset, long start, long bytes) {
        return offset >= start && offset < start + bytes;
    }

    private long msixByte(long offset) {
        long index = offset - shape.msixPbaOffset();
        return index >= 0 && isIn(index, 0, (vectors.count() + 63) / 64 * 8L)
                ? vectors.pendingByte(index)
                : vectors.tableByte(offset - shape.msixTableOffset());
    }

    private static MemorySegment configOf(MemorySegment slot) {
        return slot.asSlice(SegmentLayout.CONFIG, ConfigSpace.BYTES);
    }
}
