package niter.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import niter.controller.control.protocol.RemoveFunction;
import niter.controller.control.protocol.ToCard;
import niter.pcie.FunctionClient;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a volume that comes and goes leaves behind in the built card. */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FunctionCyclesTest {
    /** Heap, compiled code and the allocator's arenas grow over the first ones. */
    private static final int CYCLES = 1000;

    /** A card ends in 64 MiB of heap; a mapping that stays each time is as much in 1,000 cycles. */
    private static final long MOST_KIB = 32 << 10;

    @TempDir Path home;

    @Test
    void aThousandMoreLeaveNothing() throws IOException {
        Path dist = Path.of(Objects.requireNonNull(System.getenv("NITER_DIST"), "NITER_DIST"));
        try (EbsHost host = new EbsHost(home, dist, 1 << 20, true, List.of(), -1)) {
            int pid = host.card.process().getPid();
            cycles(host);
            long memory = privateKib(pid);
            long descriptors = descriptors(pid);
            cycles(host);
            System.out.printf(
                    "%d cycles after as many: %+d KiB, %+d descriptors%n",
                    CYCLES, privateKib(pid) - memory, descriptors(pid) - descriptors);
            assertThat(privateKib(pid)).isLessThan(memory + MOST_KIB);
            assertThat(descriptors(pid)).isLessThanOrEqualTo(descriptors);
            assertThat(host.card.process().getPid()).isEqualTo(pid);
        }
    }

    private static void cycles(EbsHost host) throws IOException {
        for (int n = 0; n < CYCLES; n++) {
            RemoveFunction remove =
                    RemoveFunction.newBuilder().setFunctionId(EbsHost.VOLUME).build();
            host.card.ask(ToCard.newBuilder().setRemoveFunction(remove));
            host.serve();
            try (FunctionClient client = FunctionClient.connect(host.socket())) {
                assertThat(client.read(7, 0, 4)).isEqualTo(0x80611d0fL);
            }
        }
    }

    private static long privateKib(int pid) throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/smaps_rollup"))) {
            return lines.filter(line -> line.startsWith("Private_"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                    .sum();
        }
    }

    private static long descriptors(int pid) throws IOException {
        try (Stream<Path> files = Files.list(Path.of("/proc/" + pid + "/fd"))) {
            return files.count();
        }
    }
}
