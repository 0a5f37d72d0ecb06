package niter.ena;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Where the headers of a frame are, also of one that was made to deceive. */
class LayersTest {
    private final Layers layers = new Layers();

    private Layers parse(byte[] bytes) {
        MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, bytes.length));
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return layers.parse(new Frame().wrap(memory, bytes.length));
    }

    @Test
    void tagsAreSteppedOver() {
        byte[] plain = Packets.ip(true, true, 10, true);
        byte[] tagged = new byte[plain.length + 4];
        System.arraycopy(plain, 0, tagged, 0, 12);
        tagged[12] = (byte) 0x81;
        System.arraycopy(plain, 12, tagged, 16, plain.length - 12);
        assertThat(parse(tagged).vlanTags()).isEqualTo(1);
        assertThat(layers.network()).isEqualTo(18);
        assertThat(layers.transport()).isEqualTo(38);
        assertThat(layers.protocol()).isEqualTo(Layers.TCP);
    }

    @Test
    void extensionHeadersAreSteppedOver() {
        byte[] plain = Packets.ip(false, false, 20, true);
        byte[] extended = new byte[plain.length + 24];
        System.arraycopy(plain, 0, extended, 0, 54);
        extended[20] = 0; // hop-by-hop
        extended[54] = 60; // then destination options of 16 bytes
        extended[62] = 17;
        extended[63] = 1;
        System.arraycopy(plain, 54, extended, 78, plain.length - 54);
        assertThat(parse(extended).transport()).isEqualTo(78);
        assertThat(layers.protocol()).isEqualTo(Layers.UDP);
        extended[63] = (byte) 0xff; // reaches beyond the frame
        assertThat(parse(extended).protocol()).isEqualTo(Layers.NONE);
    }

    @Test
    void fragmentsAreTold() {
        byte[] frame = Packets.ip(true, false, 20, true);
        frame[20] = 0x20;
        assertThat(parse(frame).isFragment()).isTrue();
        assertThat(layers.isFirstFragment()).isTrue();
        frame[21] = 1;
        assertThat(parse(frame).isFirstFragment()).isFalse();
        assertThat(layers.isFragment()).isTrue();
        frame[20] = 0x40;
        frame[21] = 0;
        assertThat(parse(frame).isFragment()).as("DF alone").isFalse();
    }

    @Test
    void offsetsNeverLeaveTheHead() {
        SplittableRandom random = new SplittableRandom(1);
        for (int n = 0; n < 200_000; n++) {
            byte[] frame = Packets.ip(random.nextBoolean(), random.nextBoolean(), 30, true);
            frame = Arrays.copyOf(frame, random.nextInt(frame.length + 1));
            for (int i = 0; i < random.nextInt(8) && frame.length > 0; i++) {
                frame[random.nextInt(frame.length)] = (byte) random.nextInt(70);
            }
            parse(frame);
            if (layers.protocol() != Layers.NONE) {
                assertThat(layers.transport()).isBetween(layers.network() + 20, frame.length);
            }
        }
    }
}
