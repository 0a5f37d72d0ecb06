package niter.card.vpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** Flows in memory that outlives a process. */
class FlowTableTest {
    private static final long SECOND = 1_000_000_000L;
    private static final int TCP = 6;
    private static final int SYN = 2;
    private static final int FIN = 1;
    private static final int ACK = 16;

    private final MemorySegment memory = Arena.ofAuto().allocate(FlowTable.bytes(4096), 64);
    private final FlowTable table = FlowTable.over(memory);
    private final FlowKey key = new FlowKey();

    private FlowKey flow(int port) {
        return filled(1, 2, TCP, port, 22);
    }

    private FlowKey answer(int port) {
        return filled(2, 1, TCP, 22, port);
    }

    @Test
    void aSuccessorFindsWhatWasAllowed() {
        assertThat(table.add(flow(1000), 0, 0)).isTrue();
        FlowTable next = FlowTable.over(memory);
        assertThat(next.find(flow(1000), ACK, SECOND)).isNotEqualTo(FlowTable.NONE);
        assertThat(next.find(answer(1000), ACK, SECOND)).isNotEqualTo(FlowTable.NONE);
        assertThat(next.find(flow(1001), ACK, SECOND)).isEqualTo(FlowTable.NONE);
    }

    @Test
    void anEntryThatWasNotFinishedIsNone() {
        table.add(flow(1000), 0, 0);
        long entry = table.find(flow(1000), ACK, 0);
        memory.set(ValueLayout.JAVA_INT, entry, 0); // as it is before its last store
        assertThat(FlowTable.over(memory).find(flow(1000), ACK, 0)).isEqualTo(FlowTable.NONE);
        assertThat(table.add(flow(1000), 0, 0)).isTrue();
    }

    @Test
    void idleFlowsEnd() {
        table.add(flow(1), 0, 0);
        assertThat(table.find(flow(1), SYN, 59 * SECOND)).isNotEqualTo(FlowTable.NONE);
        assertThat(table.find(flow(1), SYN, 119 * SECOND))
                .as("half open")
                .isEqualTo(FlowTable.NONE);
        table.add(flow(2), 0, 0);
        table.find(answer(2), SYN | ACK, 0);
        long days = 86_400 * SECOND;
        assertThat(table.find(flow(2), ACK, 4 * days)).isNotEqualTo(FlowTable.NONE);
        table.find(flow(2), FIN | ACK, 4 * days);
        assertThat(table.find(flow(2), ACK, 4 * days + 61 * SECOND)).isEqualTo(FlowTable.NONE);
    }

    @Test
    void halfOfItsPlacesAreTakenWithoutARefusal() {
        for (int port = 0; port < 2048; port++) {
            assertThat(table.add(flow(port), 0, 0)).as("flow %d", port).isTrue();
        }
        int all = 2048;
        while (table.add(flow(all), 0, 0)) {
            all++;
        }
        assertThat(all).isBetween(2048, 4096);
        for (int port = 0; port < all; port++) {
            assertThat(table.look(flow(port), 0)).isNotEqualTo(FlowTable.NONE);
        }
    }

    @Test
    void anotherLayoutIsRefused() {
        memory.set(ValueLayout.JAVA_INT, 8, FlowTable.VERSION + 1);
        assertThatThrownBy(() -> FlowTable.over(memory)).hasMessageContaining("version");
    }

    private FlowKey filled(int source, int destination, int protocol, int from, int to) {
        key.sourceHigh = 0;
        key.sourceLow = FlowKey.mapped(source);
        key.destinationHigh = 0;
        key.destinationLow = FlowKey.mapped(destination);
        return key.ports(protocol, from, to);
    }

    /**
     * EC2's idle time-outs, of its guide's connection tracking: 30 s of a UDP flow that has seen a
     * single request and its answer; 180 s of a stream, which has seen more than one.
     */
    @Test
    void aSingleUdpRequestAndItsAnswerAreNoStream() {
        table.add(filled(1, 2, 17, 5000, 53), 0, 0);
        assertThat(table.find(filled(2, 1, 17, 53, 5000), 0, SECOND)).isNotEqualTo(FlowTable.NONE);
        assertThat(table.look(filled(2, 1, 17, 53, 5000), 32 * SECOND)).isEqualTo(FlowTable.NONE);
        table.add(filled(1, 2, 17, 5000, 53), 0, 0);
        for (int i = 0; i < 2; i++) {
            table.find(filled(1, 2, 17, 5000, 53), 0, SECOND);
            table.find(filled(2, 1, 17, 53, 5000), 0, SECOND);
        }
        assertThat(table.look(filled(2, 1, 17, 53, 5000), 180 * SECOND))
                .isNotEqualTo(FlowTable.NONE);
        assertThat(table.look(filled(2, 1, 17, 53, 5000), 182 * SECOND)).isEqualTo(FlowTable.NONE);
    }
}
