package niter.pcie;

import java.util.List;

/**
 * What a PCI function looks like: identity, BARs, MSI-X and the size of its state.
 *
 * @param kind names the device model and its state layout in the segment, at most 16 ASCII
 *     characters
 * @param layoutVersion of the device's own state; a newer process reads the previous one or refuses
 * @param vendorId configuration space 00h
 * @param deviceId 02h
 * @param subsystemVendorId 2Ch
 * @param subsystemId 2Eh
 * @param revision 08h
 * @param classCode 09h, 24 bits: base class, subclass, programming interface
 * @param bars memory BARs, 32-bit, not prefetchable
 * @param msixVectors 1 to 2048
 * @param msixBar the BAR with table and PBA
 * @param msixTableOffset in that BAR; its pages hold nothing else
 * @param msixPbaOffset in that BAR
 * @param slotBytes size of the device's transactional state ({@link FunctionState#staged()})
 * @param liveBytes size of the device's live state ({@link FunctionState#live()})
 * @param detachable whether QEMU may unplug it while the machine runs: then the function keeps its
 *     MSI-X table itself, and interrupts by messages; else the client does, by eventfds
 */
public record FunctionShape(
        String kind,
        int layoutVersion,
        int vendorId,
        int deviceId,
        int subsystemVendorId,
        int subsystemId,
        int revision,
        int classCode,
        List<Bar> bars,
        int msixVectors,
        int msixBar,
        long msixTableOffset,
        long msixPbaOffset,
        long slotBytes,
        long liveBytes,
        boolean detachable) {

    /** A BAR. @param index 0 to 5. @param bytes a power of two, 4096 or more. */
    public record Bar(int index, long bytes) {}
}
