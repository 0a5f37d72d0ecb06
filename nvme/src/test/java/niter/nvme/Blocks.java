package niter.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** What a volume must hold: slots of blocks, each with at most one command under way. */
final class Blocks {
    private static final int SLOTS = 32;
    private static final int SLOT_BYTES = 8192;

    /** Of all slots. */
    static final long BYTES = (long) SLOTS * SLOT_BYTES;

    /** A command under way. */
    record Issued(int slot, boolean write) {}

    private final Guest guest;
    private final MemorySegment volume;
    private final MemorySegment model = Arena.ofAuto().allocate(BYTES);
    private final @Nullable Issued[] busy = new @Nullable Issued[SLOTS];
    private final long buffers;

    Blocks(Guest guest, MemoryNamespace namespace) {
        this.guest = guest;
        volume = namespace.blocks.asSlice(0, BYTES);
        buffers = guest.allocate(BYTES);
    }

    private MemorySegment buffer(int slot) {
        return guest.ram(buffers + (long) slot * SLOT_BYTES, SLOT_BYTES);
    }

    private static MemorySegment part(MemorySegment of, int slot) {
        return of.asSlice((long) slot * SLOT_BYTES, SLOT_BYTES);
    }

    /** A read or a write of a free slot; null where the drawn one is taken. */
    @Nullable Issued begin(SplittableRandom random) {
        int slot = random.nextInt(SLOTS);
        if (busy[slot] != null) {
            return null;
        }
        Issued issued = new Issued(slot, random.nextBoolean());
        busy[slot] = issued;
        buffer(slot).fill((byte) (issued.write ? random.nextInt(256) : 0xee));
        return issued;
    }

    Command command(Issued issued) {
        long block = (long) issued.slot * SLOT_BYTES / 512;
        long at = buffers + (long) issued.slot * SLOT_BYTES;
        int count = SLOT_BYTES / 512;
        return issued.write
                ? Command.write(block, count, at, at + 4096)
                : Command.read(block, count, at, at + 4096);
    }

    /** It succeeded. */
    void completed(Issued issued) {
        end(issued);
        if (issued.write) {
            part(model, issued.slot).copyFrom(buffer(issued.slot));
            check(issued.slot);
        } else {
            assertThat(buffer(issued.slot).mismatch(part(model, issued.slot)))
                    .as("read of slot %d", issued.slot)
                    .isEqualTo(-1);
        }
    }

    /** The controller was taken away: each block is as before or as it was to be. */
    private void abandoned(Issued issued) {
        end(issued);
        if (!issued.write) {
            return;
        }
        MemorySegment found = part(volume, issued.slot);
        MemorySegment before = part(model, issued.slot);
        byte wanted = buffer(issued.slot).get(ValueLayout.JAVA_BYTE, 0);
        for (long at = 0; at < SLOT_BYTES; at++) {
            assertThat(found.get(ValueLayout.JAVA_BYTE, at))
                    .as("slot %d at %d", issued.slot, at)
                    .isIn(before.get(ValueLayout.JAVA_BYTE, at), wanted);
        }
        before.copyFrom(found);
    }

    /** It was never fetched. */
    void untouched(Issued issued) {
        end(issued);
        check(issued.slot);
    }

    private void end(Issued issued) {
        assertThat(busy[issued.slot]).as("completed twice").isSameAs(issued);
        busy[issued.slot] = null;
    }

    /** The controller was reset: nothing is under way, and nothing will be done later. */
    void forgetAll() {
        for (Issued issued : busy) {
            if (issued != null) {
                abandoned(issued);
            }
        }
    }

    /** What nothing is under way to. */
    void checkAll() {
        for (int slot = 0; slot < SLOTS; slot++) {
            if (busy[slot] == null) {
                check(slot);
            }
        }
    }

    private void check(int slot) {
        assertThat(part(volume, slot).mismatch(part(model, slot)))
                .as("content of slot %d", slot)
                .isEqualTo(-1);
    }
}
