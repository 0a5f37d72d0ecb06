package niter.ena;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static niter.ena.Limits.LE16;
import static niter.ena.Limits.LE32;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Receive side scaling as admin commands set it: function and key, table, inputs. */
final class HashFeatures {
    private static final int TOEPLITZ = 1 << 1;
    private static final int FUNCTION_BYTES = 48;
    private static final int KEY_PARTS = 10;
    private static final int KEY_AT = 8;
    private static final int TABLE_BYTES = 4 * Limits.TABLE;
    private static final int INPUT_BYTES = 256;
    private static final int SELECTED_AT = 64;
    private static final int SORTS = 0x6; // L3 and L4: drivers ask for both; nothing is sorted

    /**
     * Rows: TCP4, UDP4, TCP6, UDP6, IP4, IP6, IP4 fragment, not IP, TCP6 and IP6 with extensions.
     */
    private static final int[] INPUTS = {
        0x3c, 0x3c, 0x3c, 0x3c, 0x0c, 0x0c, 0x0c, 0x0f, 0x3c, 0x0c
    };

    private final SlotState slot;
    private final MemorySegment buffer = Arena.ofAuto().allocate(TABLE_BYTES, 8);

    HashFeatures(SlotState slot) {
        this.slot = slot;
    }

    /** What may be selected, and is while the driver chose nothing. */
    static int supported(int protocol) {
        return protocol < INPUTS.length ? INPUTS[protocol] : 0;
    }

    int getFunction(AdminCommand command) {
        command.answer32(8, TOEPLITZ);
        command.answer32(12, TOEPLITZ);
        command.answer32(16, slot.hashInitial());
        // Before the first SET the buffer stays as it is: Linux keeps its own random key there.
        if (command.bufferBytes() >= FUNCTION_BYTES && slot.hashKeySet()) {
            buffer.asSlice(0, FUNCTION_BYTES).fill((byte) 0);
            buffer.set(LE32, 0, KEY_PARTS);
            for (int i = 0; i < Limits.KEY_BYTES; i++) {
                buffer.set(JAVA_BYTE, KEY_AT + i, (byte) slot.hashKeyByte(i));
            }
            return written(command.writeBuffer(buffer, FUNCTION_BYTES));
        }
        return Status.SUCCESS;
    }

    int setFunction(AdminCommand command) {
        if ((command.u32(24) & TOEPLITZ) == 0) {
            return Status.ILLEGAL_PARAMETER;
        }
        if (command.bufferBytes() >= FUNCTION_BYTES) {
            if (!command.readBuffer(buffer, FUNCTION_BYTES) || buffer.get(LE32, 0) != KEY_PARTS) {
                return Status.ILLEGAL_PARAMETER;
            }
            slot.hashKey(buffer, KEY_AT);
        }
        slot.hash(TOEPLITZ, command.u32(28));
        return Status.SUCCESS;
    }

    int getTable(AdminCommand command) {
        command.answer16(8, Limits.TABLE_LOG);
        command.answer16(10, Limits.TABLE_LOG);
        command.answer16(12, Limits.TABLE_LOG);
        if (command.bufferBytes() < TABLE_BYTES || !slot.tableSet()) {
            return Status.SUCCESS;
        }
        for (int i = 0; i < Limits.TABLE; i++) {
            buffer.set(LE32, 4L * i, slot.table(i));
        }
        return written(command.writeBuffer(buffer, TABLE_BYTES));
    }

    int setTable(AdminCommand command) {
        if (command.u16(24) != Limits.TABLE_LOG
                || command.bufferBytes() < TABLE_BYTES
                || !command.readBuffer(buffer, TABLE_BYTES)) {
            return Status.ILLEGAL_PARAMETER;
        }
        for (int i = 0; i < Limits.TABLE; i++) {
            int queue = buffer.get(LE16, 4L * i) & 0xffff;
            if (queue >= Limits.PAIRS || slot.submissionEpoch(false, queue) == 0) {
                return Status.ILLEGAL_PARAMETER;
            }
        }
        for (int i = 0; i < Limits.TABLE; i++) {
            slot.table(i, buffer.get(LE16, 4L * i) & 0xffff);
        }
        slot.tableSet(true);
        return Status.SUCCESS;
    }

    int getInput(AdminCommand command) {
        command.answer16(8, SORTS);
        command.answer16(10, SORTS);
        if (command.bufferBytes() < INPUT_BYTES) {
            return Status.SUCCESS;
        }
        buffer.asSlice(0, INPUT_BYTES).fill((byte) 0);
        for (int i = 0; i < Limits.HASH_PROTOCOLS; i++) {
            buffer.set(LE32, 4L * i, supported(i));
            int selected = slot.hashInputsSet() ? slot.hashInput(i) : supported(i);
            buffer.set(LE32, SELECTED_AT + 4L * i, selected);
        }
        return written(command.writeBuffer(buffer, INPUT_BYTES));
    }

    int setInput(AdminCommand command) {
        if (command.bufferBytes() < INPUT_BYTES || !command.readBuffer(buffer, INPUT_BYTES)) {
            return Status.ILLEGAL_PARAMETER;
        }
        for (int i = 0; i < Limits.HASH_PROTOCOLS; i++) {
            int selected = buffer.get(LE16, SELECTED_AT + 4L * i) & 0xffff;
            if ((selected & ~supported(i)) != 0) {
                return Status.ILLEGAL_PARAMETER;
            }
        }
        for (int i = 0; i < Limits.HASH_PROTOCOLS; i++) {
            slot.hashInput(i, buffer.get(LE16, SELECTED_AT + 4L * i) & 0xffff);
        }
        return Status.SUCCESS;
    }

    private static int written(boolean written) {
        return written ? Status.SUCCESS : Status.ILLEGAL_PARAMETER;
    }
}
