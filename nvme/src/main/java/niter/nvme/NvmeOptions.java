package niter.nvme;

/**
 * What real EBS does not advertise and can be switched on.
 *
 * @param writeZeroes Write Zeroes, ONCS bit 3
 * @param deallocate Dataset Management with its deallocate attribute, ONCS bit 2
 */
public record NvmeOptions(boolean writeZeroes, boolean deallocate) {
    /** As EBS is: neither. */
    public static final NvmeOptions NONE = new NvmeOptions(false, false);
}
