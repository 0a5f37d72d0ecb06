package niter.nvme;

import static niter.nvme.SubmissionEntry.LE64;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import niter.linux.Memory;
import niter.pcie.DmaMap;

/**
 * Turns a command's PRP entries into host addresses. NVMe Base 2.2, section 4.3.1: only the first
 * entry may have an offset, a list may begin anywhere in a page, and the last entry of a list's
 * page leads to the next page where more remains.
 *
 * <p>Each list page is copied out of guest memory once, then checked, then used.
 */
final class PrpReader {
    private static final int PAGE = Limits.PAGE_BYTES;
    private static final int OFFSET = PAGE - 1;
    private static final MemorySegment HOST = Memory.all();
    private static final long PAIR_BYTES = 16;

    private final DmaMap dma;
    private final MemorySegment list = Arena.ofAuto().allocate(PAGE, 8);

    private MemorySegment target = list;
    private boolean write;
    private int pairs;
    private long end; // where the last pair ends: what follows there makes it longer

    PrpReader(DmaMap dma) {
        this.dma = dma;
    }

    /**
     * Translates the entries of one command.
     *
     * @param bytes to transfer, 1 to {@link Limits#TRANSFER_BYTES}
     * @param write the device will write there
     * @param target receives pairs of u64 (host address, length in bytes), {@link Limits#SEGMENTS}
     *     at most
     * @return pairs written, 1 or more, or a negated status for the guest
     */
    int translate(long prp1, long prp2, int bytes, boolean write, MemorySegment target) {
        this.target = target;
        this.write = write;
        pairs = 0;
        end = 0;
        if ((prp1 & 3) != 0) {
            return -Status.PRP_OFFSET_INVALID;
        }
        int first = Math.min(bytes, PAGE - (int) (prp1 & OFFSET));
        if (!add(prp1, first)) {
            return -Status.DATA_TRANSFER_ERROR;
        }
        int remaining = bytes - first;
        if (remaining == 0) {
            return pairs;
        }
        if (remaining > PAGE) {
            return list(prp2, remaining);
        }
        if ((prp2 & OFFSET) != 0) {
            return -Status.PRP_OFFSET_INVALID;
        }
        return add(prp2, remaining) ? pairs : -Status.DATA_TRANSFER_ERROR;
    }

    private int list(long first, int bytes) {
        if ((first & 7) != 0) {
            return -Status.PRP_OFFSET_INVALID;
        }
        long at = first;
        int remaining = bytes;
        while (true) {
            int needed = remaining + PAGE - 1 >>> 12;
            int here = Math.min(needed, PAGE - (int) (at & OFFSET) >>> 3);
            long host = dma.address(at, 8L * here, false);
            if (host == 0) {
                return -Status.DATA_TRANSFER_ERROR;
            }
            MemorySegment.copy(HOST, host, list, 0, 8L * here);
            int data = here < needed ? here - 1 : here;
            for (int n = 0; n < data; n++) {
                long entry = list.get(LE64, 8L * n);
                if ((entry & OFFSET) != 0) {
                    return -Status.PRP_OFFSET_INVALID;
                }
                int length = Math.min(remaining, PAGE);
                if (!add(entry, length)) {
                    return -Status.DATA_TRANSFER_ERROR;
                }
                remaining -= length;
            }
            if (data == here) {
                return pairs;
            }
            at = list.get(LE64, 8L * data);
            if ((at & OFFSET) != 0) { // and so each further page takes us on: no endless chain
                return -Status.PRP_OFFSET_INVALID;
            }
        }
    }

    private boolean add(long iova, int length) {
        long host = dma.address(iova, length, write);
        if (host == 0) {
            return false;
        }
        if (host == end) {
            long last = PAIR_BYTES * (pairs - 1) + 8;
            target.set(LE64, last, target.get(LE64, last) + length);
        } else {
            long pair = PAIR_BYTES * pairs++;
            target.set(LE64, pair, host);
            target.set(LE64, pair + 8, length);
        }
        end = host + length;
        return true;
    }
}
