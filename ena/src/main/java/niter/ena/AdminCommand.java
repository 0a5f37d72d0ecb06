package niter.ena;

import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;
import static niter.ena.Limits.LE64;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import niter.linux.Memory;
import niter.pcie.DmaMap;

/**
 * An admin command, 64 bytes copied out of guest memory once, beside its answer and its control
 * buffer. The buffer is always the data itself: drivers set the flag that means a page list, and
 * give a contiguous buffer all the same.
 */
final class AdminCommand {
    static final int CREATE_SQ = 1;
    static final int DESTROY_SQ = 2;
    static final int CREATE_CQ = 3;
    static final int DESTROY_CQ = 4;
    static final int GET_FEATURE = 8;
    static final int SET_FEATURE = 9;
    static final int GET_STATS = 11;

    private static final MemorySegment ALL = Memory.all();

    private final DmaMap dma;
    private final MemorySegment command = Arena.ofAuto().allocate(Limits.ADMIN_BYTES, 8);
    private final MemorySegment answer = Arena.ofAuto().allocate(Limits.ADMIN_BYTES, 8);

    AdminCommand(DmaMap dma) {
        this.dma = dma;
    }

    /** Takes a command; its answer is empty then. */
    void read(long address) {
        MemorySegment.copy(ALL, address, command, 0, Limits.ADMIN_BYTES);
        answer.fill((byte) 0);
    }

    int id() {
        return u16(0) & 0xfff;
    }

    int opcode() {
        return u8(2);
    }

    int u8(int offset) {
        return command.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
    }

    int u16(int offset) {
        return command.get(LE16, offset) & 0xffff;
    }

    int u32(int offset) {
        return command.get(LE32, offset);
    }

    long u64(int offset) {
        return command.get(LE64, offset);
    }

    /** A 48-bit address: low word, then 16 bits. */
    long address(int offset) {
        return u32(offset) & 0xffff_ffffL | (long) u16(offset + 4) << 32;
    }

    /** Bytes of the control buffer; 0 where there is none. */
    long bufferBytes() {
        return u32(4) & 0xffff_ffffL;
    }

    /**
     * Copies the control buffer in.
     *
     * @return false where the guest did not grant it
     */
    boolean readBuffer(MemorySegment target, int bytes) {
        long address = dma.address(address(8), bytes, false);
        if (address == 0) {
            return false;
        }
        MemorySegment.copy(ALL, address, target, 0, bytes);
        return true;
    }

    /** As {@link #readBuffer}, the other way. */
    boolean writeBuffer(MemorySegment source, int bytes) {
        long address = dma.address(address(8), bytes, true);
        if (address == 0) {
            return false;
        }
        MemorySegment.copy(source, 0, ALL, address, bytes);
        return true;
    }

    /** Fields of the answer's payload, from offset 8 on. */
    void answer8(int offset, int value) {
        answer.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
    }

    void answer16(int offset, int value) {
        answer.set(LE16, offset, (short) value);
    }

    void answer32(int offset, int value) {
        answer.set(LE32, offset, value);
    }

    void answer64(int offset, long value) {
        answer.set(LE64, offset, value);
    }

    /** The answer, complete but for the phase bit; a failed command's payload is empty. */
    MemorySegment answer(int status, int consumed) {
        if (status != Status.SUCCESS) {
            answer.fill((byte) 0);
        }
        answer.set(LE16, 0, (short) id());
        answer.set(ValueLayout.JAVA_BYTE, 2, (byte) status);
        answer.set(LE16, 6, (short) consumed);
        return answer;
    }
}
