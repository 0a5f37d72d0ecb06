package niter.nvme;

import java.nio.charset.StandardCharsets;

/**
 * What a controller says about itself in Identify. All text is ASCII.
 *
 * @param serial at most 20 characters; unique, a guest refuses a second controller of the same one
 * @param model at most 40 characters
 * @param firmware at most 8 characters
 * @param deviceName as in the block device mapping, "xvda" or "/dev/sdf", at most 32 characters;
 *     empty where there is none
 * @param pciDeviceId of vendor 1D0Fh
 * @param statisticsMagic first word of the vendor's statistics log, page D0h
 */
public record NvmeIdentity(
        String serial,
        String model,
        String firmware,
        String deviceName,
        int pciDeviceId,
        int statisticsMagic) {

    public NvmeIdentity {
        requireAscii("serial", serial, 20);
        requireAscii("model", model, 40);
        requireAscii("firmware", firmware, 8);
        requireAscii("deviceName", deviceName, 32);
    }

    /**
     * An EBS volume.
     *
     * @param volumeId "vol-0123456789abcdef0"
     */
    public static NvmeIdentity ebs(String volumeId, String deviceName) {
        return new NvmeIdentity(
                volumeId.replace("-", ""),
                "Amazon Elastic Block Store",
                "1.0",
                deviceName,
                0x8061,
                0x3c23_b510);
    }

    /** The name of the subsystem: one per controller, or the guest takes two for two paths. */
    String subsystemName() {
        return "nqn.2014-08.org.nvmexpress:1d0f:" + serial;
    }

    private static void requireAscii(String field, String text, int characters) {
        if (text.length() > characters || !StandardCharsets.US_ASCII.newEncoder().canEncode(text)) {
            throw new IllegalArgumentException(
                    field + ": \"" + text + "\" is not ASCII of at most " + characters);
        }
    }
}
