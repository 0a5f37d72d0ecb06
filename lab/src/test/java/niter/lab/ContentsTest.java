package niter.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** What the load generator finds on a disk that lies. */
class ContentsTest {
    private static final int BLOCK_BYTES = 4096;

    private final Contents contents = new Contents(8, BLOCK_BYTES);
    private final Findings findings = new Findings();

    private static MemorySegment block() {
        return Arena.ofAuto().allocate(BLOCK_BYTES, 8);
    }

    private MemorySegment write(int block, boolean fua) {
        MemorySegment data = block();
        contents.acknowledge(block, contents.issue(block, data), fua);
        return data;
    }

    @Test
    void whatWasWrittenIsFound() {
        contents.check(3, block(), findings); // zeroes
        MemorySegment first = write(3, false);
        contents.check(3, first, findings);
        MemorySegment second = block();
        contents.issue(3, second); // in flight, or given up
        contents.check(3, first, findings);
        contents.check(3, second, findings);
        MemorySegment between = block().copyFrom(first);
        MemorySegment.copy(second, 0, between, 0, 512); // the atomic write unit is a sector
        contents.check(3, between, findings);
        assertThat(findings.text())
                .isEqualTo("errors 0, lost writes 0, lost flushes 0, corrupt blocks 0");
    }

    @Test
    void aLostWriteIsFound() {
        MemorySegment first = write(0, false);
        write(0, false);
        contents.check(0, first, findings);
        contents.check(0, block(), findings);
        assertThat(findings.lostWrites()).isEqualTo(2);
        assertThat(findings.lostFlushes()).isZero();
        assertThat(findings.text()).contains("sector 0: generation 1, acknowledged 2, durable 0");
    }

    @Test
    void aSectorOfAnOlderGenerationIsALostWrite() {
        MemorySegment first = write(2, false);
        MemorySegment second = write(2, false);
        MemorySegment.copy(first, 512, second, 512, 512);
        contents.check(2, second, findings);
        assertThat(findings.text()).contains("sector 17: generation 1, acknowledged 2");
    }

    @Test
    void aLostFlushIsFound() {
        MemorySegment before = block();
        write(1, false);
        long flush = contents.now();
        MemorySegment after = write(4, false); // while the flush is on its way
        contents.flushed(flush);
        contents.check(4, block(), findings);
        assertThat(findings.lostFlushes()).isZero();
        contents.check(1, before, findings);
        assertThat(findings.lostFlushes()).isEqualTo(1);
        write(1, false); // not durable, but the one before is
        contents.check(1, before, findings);
        assertThat(findings.lostFlushes()).isEqualTo(2);
        contents.check(4, after, findings);
        assertThat(findings.lostWrites()).isEqualTo(3);
    }

    @Test
    void aLostWriteWithFuaIsALostFlush() {
        write(5, true);
        contents.check(5, block(), findings);
        assertThat(findings.lostFlushes()).isEqualTo(1);
    }

    @Test
    void whatWasNeverWrittenIsCorrupt() {
        MemorySegment data = write(6, false);
        MemorySegment elsewhere = write(7, false);
        contents.check(6, elsewhere, findings);
        data.set(java.lang.foreign.ValueLayout.JAVA_BYTE, 700, (byte) 1);
        contents.check(6, data, findings);
        MemorySegment ahead = block();
        new Contents(8, BLOCK_BYTES).issue(1, ahead); // nobody wrote here
        contents.check(1, ahead, findings);
        assertThat(findings.corruptBlocks()).isEqualTo(3);
        assertThat(findings.isEmpty()).isFalse();
    }
}
