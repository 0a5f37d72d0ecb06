package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.zip.GZIPInputStream;
import niter.linux.Descriptor;
import niter.linux.Mapping;
import niter.linux.MemoryFile;
import org.junit.jupiter.api.Test;

/**
 * What other versions left. The file segment-1.gz was written by the last commit of version 1: an
 * {@link Adder} to which 41 was added, bus master, an eventfd at vector 1, one range of memory.
 */
class FunctionSegmentTest {
    private static final FunctionShape SHAPE = new Adder(() -> {}).shape();

    private static byte[] previous() throws IOException {
        try (InputStream file = FunctionSegmentTest.class.getResourceAsStream("segment-1.gz");
                InputStream bytes = new GZIPInputStream(Objects.requireNonNull(file))) {
            return bytes.readAllBytes();
        }
    }

    private static Descriptor memory(byte[] bytes) {
        Descriptor file = MemoryFile.create("niter-adder", bytes.length);
        try (Mapping mapping = Mapping.map(file.number(), 0, bytes.length, true)) {
            MemorySegment.copy(bytes, 0, mapping.segment(), JAVA_BYTE, 0, bytes.length);
        }
        return file;
    }

    @Test
    void readsThePreviousLayoutAndLeavesItsVersion() throws IOException {
        byte[] bytes = previous();
        assertThat(bytes[(int) SegmentLayout.VERSION_AT])
                .isEqualTo((byte) SegmentLayout.PREVIOUS_VERSION);
        try (Descriptor file = memory(bytes);
                FunctionSegment segment = FunctionSegment.takeOver(file, SHAPE)) {
            MemorySegment slot = segment.currentSlot();
            assertThat(segment.current().get(JAVA_LONG, 0)).isEqualTo(41);
            assertThat(segment.isConnected()).isTrue();
            assertThat(ConfigSpace.command(slot, SegmentLayout.CONFIG)).isEqualTo(6);
            assertThat(slot.get(JAVA_LONG, SegmentLayout.VECTOR_TOKENS + 8)).isPositive();
            assertThat(slot.get(JAVA_INT, SegmentLayout.DMA_COUNT)).isEqualTo(1);
            long range = segment.layout().dmaTable();
            assertThat(slot.get(JAVA_LONG, range + SegmentLayout.DMA_ADDRESS)).isEqualTo(0x1000);
            segment.begin();
            segment.staged().set(JAVA_LONG, 0, 42);
            segment.commit();
            try (Mapping again = Mapping.map(file.number(), 0, bytes.length, true)) {
                assertThat(again.segment().get(JAVA_INT, SegmentLayout.VERSION_AT))
                        .isEqualTo(SegmentLayout.PREVIOUS_VERSION); // its process may come back
            }
        }
    }

    @Test
    void refusesALayoutThatItDoesNotKnow() throws IOException {
        for (int version : new int[] {0, SegmentLayout.VERSION + 1}) {
            byte[] bytes = previous();
            bytes[(int) SegmentLayout.VERSION_AT] = (byte) version;
            try (Descriptor file = memory(bytes)) {
                assertThatThrownBy(() -> FunctionSegment.takeOver(file, SHAPE))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("of another kind or version than adder 2.1");
            }
        }
    }

    @Test
    void aSegmentIsDetachableOrNot() throws IOException {
        FunctionShape detachable = new Adder(() -> {}, true).shape();
        try (Descriptor file = FunctionSegment.allocate("adder", detachable)) {
            FunctionSegment.format(file, detachable).close();
            assertThatThrownBy(() -> FunctionSegment.takeOver(file, SHAPE))
                    .isInstanceOf(IOException.class);
            FunctionSegment.takeOver(file, detachable).close();
        }
    }
}
