package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import niter.linux.Errno;

/**
 * What each request of the vfio-user protocol means. A handler runs inside a transaction: it
 * checks, stages its effect, writes the reply's payload and returns its length, or a negated errno;
 * then nothing of what it staged becomes valid. For the function's thread.
 */
final class Requests {
    private static final int PAYLOAD = Wire.HEADER_BYTES;

    // Nothing that the client offers is used, so its own JSON need not be understood.
    private static final byte[] CAPABILITIES =
            ("{\"capabilities\":{\"max_msg_fds\":"
                            + Wire.MAX_DESCRIPTORS
                            + ",\"max_data_xfer_size\":"
                            + Wire.MAX_DATA_BYTES
                            + ",\"max_dma_maps\":"
                            + Wire.MAX_DMA_MAPS
                            + ",\"write_multiple\":false}}\0")
                    .getBytes(StandardCharsets.US_ASCII);

    private final FunctionShape shape;
    private final FunctionSegment segment;
    private final DmaTable dma;
    private final Vectors vectors;
    private final Regions regions;

    Requests(
            FunctionShape shape,
            FunctionSegment segment,
            DmaTable dma,
            Vectors vectors,
            Regions regions) {
        this.shape = shape;
        this.segment = segment;
        this.dma = dma;
        this.vectors = vectors;
        this.regions = regions;
    }

    /** Whether DMA must have stopped before this request is applied. */
    boolean needsQuiet(MemorySegment request) {
        return switch (command(request)) {
            case Wire.DMA_UNMAP, Wire.DEVICE_RESET -> true;
            case Wire.REGION_WRITE -> regions.isReset(request);
            default -> false;
        };
    }

    /** Whether the request changes the DMA map. */
    static boolean changesDma(MemorySegment request) {
        int command = command(request);
        return command == Wire.DMA_MAP || command == Wire.DMA_UNMAP;
    }

    /**
     * Applies one request.
     *
     * @param request all of it, header included, its size checked
     * @param token of the first descriptor beside it
     * @param descriptors how many there are
     * @param reply where the payload goes, from the start of the message
     * @return payload bytes of the reply, or a negated errno
     */
    int apply(MemorySegment request, long token, int descriptors, MemorySegment reply) {
        int command = command(request);
        boolean negotiated = segment.stagedSlot().get(JAVA_INT, SegmentLayout.NEGOTIATED) != 0;
        boolean takesDescriptors = command == Wire.DMA_MAP || command == Wire.DEVICE_SET_IRQS;
        if (negotiated == (command == Wire.VERSION) || descriptors > 0 && !takesDescriptors) {
            return -Errno.EINVAL;
        }
        return switch (command) {
            case Wire.VERSION -> version(request, reply);
            case Wire.DMA_MAP -> map(request, token, descriptors);
            case Wire.DMA_UNMAP -> unmap(request, reply);
            case Wire.DEVICE_GET_INFO -> info(request, reply);
            case Wire.DEVICE_GET_REGION_INFO -> regionInfo(request, reply);
            case Wire.DEVICE_GET_REGION_IO_FDS -> ioFds(request, reply);
            case Wire.DEVICE_GET_IRQ_INFO -> irqInfo(request, reply);
            case Wire.DEVICE_SET_IRQS -> setIrqs(request, token, descriptors);
            case Wire.REGION_READ -> regions.read(request, reply);
            case Wire.REGION_WRITE -> regions.write(request, reply);
            case Wire.DEVICE_RESET -> {
                regions.reset();
                yield 0;
            }
            default -> -Errno.ENOSYS;
        };
    }

    static int command(MemorySegment message) {
        return message.get(JAVA_SHORT_UNALIGNED, Wire.COMMAND) & 0xffff;
    }

    private int version(MemorySegment request, MemorySegment reply) {
        if (request.byteSize() < PAYLOAD + 4) {
            return -Errno.EINVAL;
        }
        int major = request.get(JAVA_SHORT_UNALIGNED, PAYLOAD) & 0xffff;
        boolean hasText = request.byteSize() > PAYLOAD + 4;
        if (major != 0 || hasText && request.get(JAVA_BYTE, request.byteSize() - 1) != 0) {
            return -Errno.EINVAL;
        }
        reply.set(JAVA_INT_UNALIGNED, PAYLOAD, 0); // 0.0: every minor version includes it
        MemorySegment.copy(CAPABILITIES, 0, reply, JAVA_BYTE, PAYLOAD + 4, CAPABILITIES.length);
        segment.stagedSlot().set(JAVA_INT, SegmentLayout.NEGOTIATED, 1);
        return 4 + CAPABILITIES.length;
    }

    private int map(MemorySegment request, long token, int descriptors) {
        if (request.byteSize() != PAYLOAD + 32 || !hasRoom(request, 32) || descriptors > 1) {
            return -Errno.EINVAL;
        }
        int flags = request.get(JAVA_INT_UNALIGNED, PAYLOAD + 4);
        if ((flags & ~(Wire.MAP_READ | Wire.MAP_WRITE)) != 0) {
            return -Errno.EINVAL;
        }
        return -dma.map(
                request.get(JAVA_LONG_UNALIGNED, PAYLOAD + 16),
                request.get(JAVA_LONG_UNALIGNED, PAYLOAD + 24),
                request.get(JAVA_LONG_UNALIGNED, PAYLOAD + 8),
                flags,
                descriptors == 0 ? 0 : token);
    }

    private int unmap(MemorySegment request, MemorySegment reply) {
        if (request.byteSize() != PAYLOAD + 24 || !hasRoom(request, 24)) {
            return -Errno.EINVAL;
        }
        int flags = request.get(JAVA_INT_UNALIGNED, PAYLOAD + 4);
        long address = request.get(JAVA_LONG_UNALIGNED, PAYLOAD + 8);
        long size = request.get(JAVA_LONG_UNALIGNED, PAYLOAD + 16);
        if (flags == Wire.UNMAP_ALL && address == 0 && size == 0) {
            dma.unmapAll();
        } else {
            int errno = flags == 0 ? dma.unmap(address, size) : Errno.EINVAL;
            if (errno != 0) {
                return -errno;
            }
        }
        MemorySegment.copy(request, PAYLOAD, reply, PAYLOAD, 24);
        return 24;
    }

    /** argsz: what the client has room for. Less than the structure is an error. */
    private static boolean hasRoom(MemorySegment request, int bytes) {
        return request.byteSize() >= PAYLOAD + bytes
                && Integer.compareUnsigned(request.get(JAVA_INT_UNALIGNED, PAYLOAD), bytes) >= 0;
    }

    private static int info(MemorySegment request, MemorySegment reply) {
        if (!hasRoom(request, 16)) {
            return -Errno.EINVAL;
        }
        put(reply, 0, 16);
        put(reply, 4, Wire.DEVICE_RESETS | Wire.DEVICE_IS_PCI);
        put(reply, 8, Wire.REGIONS);
        put(reply, 12, Wire.IRQS);
        return 16;
    }

    private int regionInfo(MemorySegment request, MemorySegment reply) {
        if (!hasRoom(request, 32)) {
            return -Errno.EINVAL;
        }
        int index = request.get(JAVA_INT_UNALIGNED, PAYLOAD + 8);
        if (index < 0 || index >= Wire.REGIONS) {
            return -Errno.EINVAL;
        }
        long size = regions.size(index);
        put(reply, 0, 32);
        put(reply, 4, size == 0 ? 0 : Wire.REGION_IS_READABLE | Wire.REGION_IS_WRITABLE);
        put(reply, 8, index);
        put(reply, 12, 0);
        reply.set(JAVA_LONG_UNALIGNED, PAYLOAD + 16, size);
        reply.set(JAVA_LONG_UNALIGNED, PAYLOAD + 24, 0);
        return 32;
    }

    /** No region offers descriptors: one that can be mapped would make every doorbell wait. */
    private int ioFds(MemorySegment request, MemorySegment reply) {
        if (!hasRoom(request, 16)) {
            return -Errno.EINVAL;
        }
        int flags = request.get(JAVA_INT_UNALIGNED, PAYLOAD + 4);
        int index = request.get(JAVA_INT_UNALIGNED, PAYLOAD + 8);
        int count = request.get(JAVA_INT_UNALIGNED, PAYLOAD + 12);
        boolean exists = index >= 0 && index < Wire.REGIONS && regions.size(index) > 0;
        if (flags != 0 || count != 0 || !exists) {
            return -Errno.EINVAL;
        }
        put(reply, 0, 16);
        put(reply, 4, 0);
        put(reply, 8, index);
        put(reply, 12, 0);
        return 16;
    }

    private int irqInfo(MemorySegment request, MemorySegment reply) {
        if (!hasRoom(request, 16)) {
            return -Errno.EINVAL;
        }
        int index = request.get(JAVA_INT_UNALIGNED, PAYLOAD + 8);
        // QEMU warns about an error interrupt with count 0, and takes EINVAL for its absence.
        if (index < 0 || index >= Wire.IRQS || index == Wire.IRQ_ERROR) {
            return -Errno.EINVAL;
        }
        put(reply, 0, 16);
        put(reply, 4, Wire.IRQ_IS_EVENTFD);
        put(reply, 8, index);
        put(reply, 12, irqCount(index));
        return 16;
    }

    private int irqCount(int index) {
        return index == Wire.IRQ_MSIX && !shape.detachable() ? shape.msixVectors() : 0;
    }

    private int setIrqs(MemorySegment request, long token, int descriptors) {
        if (!hasRoom(request, 20)) {
            return -Errno.EINVAL;
        }
        int flags = request.get(JAVA_INT_UNALIGNED, PAYLOAD + 4);
        int index = request.get(JAVA_INT_UNALIGNED, PAYLOAD + 8);
        long start = request.get(JAVA_INT_UNALIGNED, PAYLOAD + 12) & 0xffff_ffffL;
        long count = request.get(JAVA_INT_UNALIGNED, PAYLOAD + 16) & 0xffff_ffffL;
        int data = flags & (Wire.SET_NONE | Wire.SET_BOOL | Wire.SET_EVENTFD);
        int action = flags & (Wire.SET_MASK | Wire.SET_UNMASK | Wire.SET_TRIGGER);
        boolean wellFormed =
                flags == (data | action)
                        && Integer.bitCount(data) == 1
                        && Integer.bitCount(action) == 1
                        && index >= 0
                        && index < Wire.IRQS
                        && request.byteSize() == PAYLOAD + 20 + (data == Wire.SET_BOOL ? count : 0)
                        && (descriptors == 0 || data == Wire.SET_EVENTFD && descriptors == count);
        if (!wellFormed) {
            return -Errno.EINVAL;
        }
        if (count == 0) { // the whole index off; also where there is nothing to switch off
            boolean off = start == 0 && data == Wire.SET_NONE && action == Wire.SET_TRIGGER;
            if (off && index == Wire.IRQ_MSIX) {
                vectors.clear();
            }
            return off ? 0 : -Errno.EINVAL;
        }
        if (start + count > irqCount(index) || action != Wire.SET_TRIGGER) {
            return -Errno.EINVAL; // MSI-X is masked in its table, by the client
        }
        if (!vectors.areEventfds(token, descriptors)) {
            return -Errno.EINVAL;
        }
        for (int i = 0; i < count; i++) {
            int vector = (int) start + i;
            switch (data) {
                case Wire.SET_EVENTFD -> vectors.assign(vector, descriptors == 0 ? 0 : token + i);
                case Wire.SET_BOOL -> {
                    if (request.get(JAVA_BYTE, PAYLOAD + 20 + i) != 0) {
                        regions.interrupt(vector);
                    }
                }
                default -> regions.interrupt(vector);
            }
        }
        return 0;
    }

    private static void put(MemorySegment reply, int offset, int value) {
        reply.set(JAVA_INT_UNALIGNED, PAYLOAD + offset, value);
    }
}
