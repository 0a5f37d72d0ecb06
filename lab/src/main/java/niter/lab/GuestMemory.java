package niter.lab;

import java.lang.foreign.MemorySegment;
import niter.linux.Descriptor;
import niter.linux.Mapping;
import niter.linux.MemoryFile;

/** Memory of a machine that is none: a sealed file, mapped here and by whoever serves a device. */
final class GuestMemory implements AutoCloseable {
    private final Descriptor file;
    private final Mapping mapping;
    private final long bytes;
    private long used;

    GuestMemory(long bytes) {
        this.bytes = bytes;
        file = MemoryFile.create("guest", bytes);
        mapping = Mapping.map(file.number(), 0, bytes, true);
    }

    /** The next part of it, zeroed, as an offset; aligned to a page. */
    long allocate(long size) {
        long at = used;
        used = at + size + 4095 & ~4095L;
        if (used > bytes) {
            throw new IllegalStateException("guest memory of " + bytes + " bytes is full");
        }
        return at;
    }

    /** Where an offset is mapped here. */
    long address(long offset) {
        return mapping.address() + offset;
    }

    /** A part of it. */
    MemorySegment segment(long offset, long size) {
        return mapping.segment().asSlice(offset, size);
    }

    long bytes() {
        return bytes;
    }

    Descriptor file() {
        return file;
    }

    @Override
    public void close() {
        mapping.close();
        file.close();
    }
}
