package niter.ena;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The Internet checksum against its definition, word by word. */
class ChecksumTest {
    private final Random random = new Random(1071);

    private static int defined(byte[] bytes, int from, int length) {
        long sum = 0;
        for (int i = 0; i < length; i++) {
            sum += (bytes[from + i] & 0xffL) << (i % 2 == 0 ? 8 : 0);
        }
        while (sum >>> 16 != 0) {
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return (int) sum;
    }

    @Test
    void eachLengthAndPlaceGivesTheSumOfItsWords() {
        byte[] bytes = new byte[128];
        MemorySegment memory = MemorySegment.ofArray(bytes);
        for (int from = 0; from < 8; from++) {
            for (int length = 0; length <= 120; length++) {
                random.nextBytes(bytes);
                assertThat(Checksum.fold(Checksum.sum(memory, from, length)))
                        .as("%d bytes from %d", length, from)
                        .isEqualTo(defined(bytes, from, length));
            }
        }
    }

    @Test
    void allOnesStayAllOnesAndNothingStaysNothing() {
        byte[] bytes = new byte[65_535];
        MemorySegment memory = MemorySegment.ofArray(bytes);
        assertThat(Checksum.sum(memory, 0, bytes.length)).isZero();
        memory.fill((byte) 0xff);
        assertThat(Checksum.fold(Checksum.sum(memory, 0, bytes.length - 1))).isEqualTo(0xffff);
    }

    @Test
    void aPartThatBeginsAtAnOddPlaceIsTurned() {
        byte[] bytes = new byte[77];
        random.nextBytes(bytes);
        MemorySegment memory = MemorySegment.ofArray(bytes);
        long sum = Checksum.sum(memory, 0, 33) + Checksum.odd(Checksum.sum(memory, 33, 44));
        assertThat(Checksum.fold(sum)).isEqualTo(defined(bytes, 0, 77));
    }
}
