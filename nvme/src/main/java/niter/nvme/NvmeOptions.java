package niter.nvme;

/**
 * What can be switched on.
 *
 * @param writeZeroes Write Zeroes, ONCS bit 3, which real EBS does not advertise
 * @param deallocate Dataset Management with its deallocate attribute, ONCS bit 2; nor does it this
 * @param detachable whether it may be unplugged while the machine runs ({@link
 *     niter.pcie.FunctionShape#detachable})
 */
public record NvmeOptions(boolean writeZeroes, boolean deallocate, boolean detachable) {
    /** As EBS is, and for as long as the machine. */
    public static final NvmeOptions NONE = new NvmeOptions(false, false);

    /** For as long as the machine. */
    public NvmeOptions(boolean writeZeroes, boolean deallocate) {
        this(writeZeroes, deallocate, false);
    }
}
