package niter.ena;

import niter.pcie.DmaMap;

/** Guest memory of any alignment that may cross from one mapping to the next. */
final class HostBuffer {
    private static final int PAGE = 4096;

    private final DmaMap dma;

    HostBuffer(DmaMap dma) {
        this.dma = dma;
    }

    /** How many bytes from an address on, at most {@code bytes}, can be taken in one piece. */
    int piece(long iova, int bytes, boolean write) {
        return dma.address(iova, bytes, write) != 0
                ? bytes
                : (int) Math.min(bytes, PAGE - (iova & PAGE - 1));
    }

    /** The host address, or 0 where that is not granted. */
    long address(long iova, int bytes, boolean write) {
        return dma.address(iova, bytes, write);
    }

    /**
     * Adds a buffer to a frame.
     *
     * @return false where it is not granted, or too much
     */
    boolean add(Frame frame, long iova, int bytes) {
        long whole = dma.address(iova, bytes, false);
        if (whole != 0) {
            return frame.add(whole, bytes);
        }
        int done = 0;
        while (done < bytes) {
            int part = piece(iova + done, bytes - done, false);
            long address = dma.address(iova + done, part, false);
            if (address == 0 || !frame.add(address, part)) {
                return false;
            }
            done += part;
        }
        return true;
    }

    /**
     * Copies a part of a frame into a buffer.
     *
     * @return false where it is not granted
     */
    boolean write(Frame frame, int from, long iova, int bytes) {
        long whole = dma.address(iova, bytes, true);
        if (whole != 0) {
            frame.copy(from, whole, bytes);
            return true;
        }
        int done = 0;
        while (done < bytes) {
            int part = piece(iova + done, bytes - done, true);
            long address = dma.address(iova + done, part, true);
            if (address == 0) {
                return false;
            }
            frame.copy(from + done, address, part);
            done += part;
        }
        return true;
    }
}
