package niter.pcie;

/**
 * What the guest granted for DMA, as host addresses. Addresses are valid until {@link
 * Device#quiesce} was called; resolve again after {@link Device#dmaMapChanged}.
 */
public interface DmaMap {
    /**
     * The host address of a guest range that lies in one mapping.
     *
     * @param iova the guest's bus address
     * @param lengthBytes 1 or more
     * @param write the device will write there
     * @return the host address, or 0 where the range is not granted as a whole (overflow included)
     */
    long address(long iova, long lengthBytes, boolean write);

    /** Counts changes; whoever caches addresses compares it. */
    int generation();
}
