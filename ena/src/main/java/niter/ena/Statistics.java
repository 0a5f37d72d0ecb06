package niter.ena;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** GET_STATS: basic counters, ENI statistics and customer metrics. */
final class Statistics {
    private static final int BASIC = 0;
    private static final int ENI = 2;
    private static final int METRICS = 4;
    private static final int METRIC_COUNT = Allowance.COUNT + 1; // and what is available
    private static final Allowance[] EXCEEDED = Allowance.values();

    private final LiveState live;
    private final Network network;
    private final MemorySegment metrics = Arena.ofAuto().allocate(8L * METRIC_COUNT, 8);

    Statistics(LiveState live, Network network) {
        this.live = live;
        this.network = network;
    }

    int get(AdminCommand command) {
        return switch (command.u8(16)) {
            case BASIC -> basic(command);
            case ENI -> eni(command);
            case METRICS -> metrics(command);
            default -> Status.UNSUPPORTED;
        };
    }

    private int basic(AdminCommand command) {
        command.answer64(8, live.counter(LiveState.Counter.TX_BYTES));
        command.answer64(16, live.counter(LiveState.Counter.TX_PACKETS));
        command.answer64(24, live.counter(LiveState.Counter.RX_BYTES));
        command.answer64(32, live.counter(LiveState.Counter.RX_PACKETS));
        command.answer64(40, live.counter(LiveState.Counter.RX_DROPS));
        command.answer64(48, live.counter(LiveState.Counter.TX_DROPS));
        command.answer64(56, live.counter(LiveState.Counter.RX_OVERRUNS));
        return Status.SUCCESS;
    }

    private int eni(AdminCommand command) {
        for (int metric = 0; metric < Allowance.COUNT; metric++) {
            command.answer64(8 + 8 * metric, value(metric));
        }
        return Status.SUCCESS;
    }

    /**
     * With length 0 the driver asks which there are; no bit that it did not ask for is reported.
     */
    private int metrics(AdminCommand command) {
        long reported = command.u64(24) & (1L << METRIC_COUNT) - 1;
        int count = 0;
        for (int metric = 0; metric < METRIC_COUNT; metric++) {
            if ((reported & 1L << metric) != 0) {
                metrics.set(Limits.LE64, 8L * count, value(metric));
                count++;
            }
        }
        long bytes = command.bufferBytes();
        if (bytes != 0 && (bytes < 8L * count || !command.writeBuffer(metrics, 8 * count))) {
            return Status.ILLEGAL_PARAMETER;
        }
        command.answer64(8, reported);
        return Status.SUCCESS;
    }

    private long value(int metric) {
        return metric < Allowance.COUNT
                ? live.exceeded(EXCEEDED[metric])
                : network.conntrackAvailable();
    }
}
