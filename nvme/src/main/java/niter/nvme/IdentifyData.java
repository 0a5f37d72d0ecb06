package niter.nvme;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static niter.nvme.SubmissionEntry.LE32;
import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Fills Identify's 4096 bytes. NVMe Base 2.2, section 5.1.13; NVM Command Set 1.1, section 4.1.5.
 */
final class IdentifyData {
    static final int BYTES = 4096;

    /**
     * OAES and its feature: namespace attribute changes. Without it Linux sends no event request.
     */
    static final int NAMESPACE_EVENTS = 0x100;

    /** Write Zeroes takes 65,536 blocks: 2^13 pages. */
    private static final byte WRITE_ZEROES_PAGES = 13;

    private static final ValueLayout.OfShort LE16 = JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final NvmeIdentity identity;
    private final NvmeOptions options;

    IdentifyData(NvmeIdentity identity, NvmeOptions options) {
        this.identity = identity;
        this.options = options;
    }

    /** CNS 01h. */
    void controller(MemorySegment page) {
        page.fill((byte) 0);
        page.set(LE16, 0, (short) NvmeController.VENDOR); // VID
        page.set(LE16, 2, (short) NvmeController.VENDOR); // SSVID
        text(page, 4, 20, identity.serial());
        text(page, 24, 40, identity.model());
        text(page, 64, 8, identity.firmware());
        page.set(JAVA_BYTE, 72, (byte) 32); // RAB
        page.set(JAVA_BYTE, 73, (byte) 0xa0); // IEEE: Amazon, dc02a0
        page.set(JAVA_BYTE, 74, (byte) 0x02);
        page.set(JAVA_BYTE, 75, (byte) 0xdc);
        page.set(JAVA_BYTE, 77, (byte) Limits.MDTS);
        page.set(LE32, 80, Register.VS_VALUE); // VER
        page.set(LE32, 92, NAMESPACE_EVENTS); // OAES
        page.set(JAVA_BYTE, 111, (byte) 1); // CNTRLTYPE: I/O controller
        page.set(LE16, 256, (short) 0x100); // OACS: Doorbell Buffer Config
        page.set(JAVA_BYTE, 258, (byte) 4); // ACL
        page.set(JAVA_BYTE, 259, (byte) (Limits.EVENT_REQUESTS - 1)); // AERL
        page.set(JAVA_BYTE, 260, (byte) 3); // FRMW: one slot, read only
        page.set(JAVA_BYTE, 262, (byte) (Limits.ERROR_ENTRIES - 1)); // ELPE
        page.set(JAVA_BYTE, 263, (byte) 1); // NPSS
        page.set(JAVA_BYTE, 512, (byte) 0x66); // SQES: 64 bytes
        page.set(JAVA_BYTE, 513, (byte) 0x44); // CQES: 16 bytes
        page.set(LE32, 516, 1); // NN
        page.set(
                LE16,
                520,
                (short) ((options.deallocate() ? 4 : 0) | (options.writeZeroes() ? 8 : 0))); // ONCS
        page.set(JAVA_BYTE, 525, (byte) 1); // VWC: writes are durable after a flush
        ascii(page, 768, identity.subsystemName()); // SUBNQN, NUL-padded
        page.set(LE16, 2048, (short) 1); // power state 0: 0.01 W
        text(page, 3072, 32, identity.deviceName());
    }

    /** CNS 00h. */
    void namespace(MemorySegment page, long blocks) {
        page.fill((byte) 0);
        page.set(LE64, 0, blocks); // NSZE
        page.set(LE64, 8, blocks); // NCAP
        page.set(LE64, 16, blocks); // NUSE
        page.set(JAVA_BYTE, 33, deallocatedReads()); // DLFEAT
        page.set(JAVA_BYTE, 130, (byte) Limits.BLOCK_SHIFT); // LBAF0: LBADS
    }

    /** Bits [2:0] = 1: deallocated blocks read as zeroes; 3: Write Zeroes may deallocate. */
    private byte deallocatedReads() {
        if (!options.deallocate()) {
            return 0;
        }
        return (byte) (options.writeZeroes() ? 9 : 1);
    }

    /** CNS 02h: the namespace ids above {@code after}. */
    static void namespaces(MemorySegment page, int after) {
        page.fill((byte) 0);
        if (after == 0) {
            page.set(LE32, 0, 1);
        }
    }

    /** CNS 06h, NVM command set. */
    void commandSetLimits(MemorySegment page) {
        page.fill((byte) 0);
        if (options.writeZeroes()) {
            page.set(JAVA_BYTE, 1, WRITE_ZEROES_PAGES); // WZSL
        }
        if (options.deallocate()) {
            page.set(JAVA_BYTE, 3, (byte) Deallocation.RANGES_LIMIT); // DMRL; 0 is 256: no limit
        }
    }

    private static void text(MemorySegment page, long at, int bytes, String text) {
        page.asSlice(at, bytes).fill((byte) ' ');
        ascii(page, at, text);
    }

    private static void ascii(MemorySegment page, long at, String text) {
        byte[] characters = text.getBytes(StandardCharsets.US_ASCII);
        MemorySegment.copy(characters, 0, page, JAVA_BYTE, at, characters.length);
    }
}
