package niter.card.vpc;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import niter.ena.Frame;
import org.junit.jupiter.api.Test;

/** The blocks as the format's draft lays them out, read back by walking them. */
class PcapngTest {
    private final MemorySegment memory = Arena.ofAuto().allocate(Pcapng.MAX_BYTES, 8);
    private final Pcapng pcapng = new Pcapng(memory);

    private ByteBuffer block(int from, int bytes) {
        byte[] all = memory.asSlice(from, bytes).toArray(JAVA_BYTE);
        return ByteBuffer.wrap(all).order(ByteOrder.nativeOrder());
    }

    private static Frame frame(byte[] bytes) {
        return new Frame().wrap(Arena.ofAuto().allocateFrom(JAVA_BYTE, bytes), bytes.length);
    }

    @Test
    void aFileBeginsWithASectionAndItsInterface() {
        int bytes = pcapng.begin("eni-0123456789abcdef0", 0x0e01_0203_0405L);
        ByteBuffer section = block(0, 28);
        assertThat(section.getInt(0)).isEqualTo(0x0a0d_0d0a);
        assertThat(section.getInt(4)).isEqualTo(28);
        assertThat(section.getInt(8)).isEqualTo(0x1a2b_3c4d);
        assertThat(section.getShort(12)).as("major version").isEqualTo((short) 1);
        assertThat(section.getLong(16)).isEqualTo(-1);
        assertThat(section.getInt(24)).isEqualTo(28);
        ByteBuffer description = block(28, bytes - 28);
        assertThat(description.getInt(0)).isEqualTo(1);
        assertThat(description.getInt(4)).isEqualTo(bytes - 28).isEqualTo(72);
        assertThat(description.getShort(8)).as("Ethernet").isEqualTo((short) 1);
        assertThat(description.getShort(16)).as("if_name").isEqualTo((short) 2);
        assertThat(description.getShort(18)).isEqualTo((short) 21);
        assertThat(description.get(20)).isEqualTo((byte) 'e');
        assertThat(description.getShort(44)).as("if_macaddr").isEqualTo((short) 6);
        assertThat(description.get(48)).isEqualTo((byte) 0x0e);
        assertThat(description.getInt(bytes - 28 - 4)).isEqualTo(bytes - 28);
    }

    @Test
    void aPacketIsWholeWhateverItsLength() {
        SplittableRandom random = new SplittableRandom(5);
        for (int length : new int[] {14, 60, 61, 62, 63, 255, 256, 257, 1514, Frame.MAX_BYTES}) {
            byte[] packet = new byte[length];
            random.nextBytes(packet);
            long nanos = 1_800_000_000_123_456_789L;
            int bytes = pcapng.packet(frame(packet), Pcapng.INBOUND, nanos, 7);
            ByteBuffer block = block(0, bytes);
            int padded = (length + 3) & ~3;
            assertThat(bytes).isEqualTo(28 + padded + 8 + 12 + 4 + 4).isLessThan(1 << 17);
            assertThat(block.getInt(0)).isEqualTo(6);
            assertThat(block.getInt(4)).isEqualTo(bytes);
            assertThat((long) block.getInt(12) << 32 | block.getInt(16) & 0xffff_ffffL)
                    .isEqualTo(nanos);
            assertThat(block.getInt(20)).isEqualTo(length);
            assertThat(block.getInt(24)).isEqualTo(length);
            byte[] shown = new byte[length];
            block.get(28, shown);
            assertThat(shown).isEqualTo(packet);
            assertThat(block.getInt(28 + padded + 4)).as("epb_flags").isEqualTo(1);
            assertThat(block.getLong(28 + padded + 12)).as("epb_dropcount").isEqualTo(7);
            assertThat(block.getInt(bytes - 4)).isEqualTo(bytes);
        }
    }
}
