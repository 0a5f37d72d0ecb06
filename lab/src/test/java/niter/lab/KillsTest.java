package niter.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The built card and keeper, killed under load; no guest is needed for it, but the build is. */
@Tag("guest")
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KillsTest {
    private static final int KILLS = 50;
    private static final int BLOCK_BYTES = 4096;

    @TempDir Path home;

    private static Path dist() {
        String dist = System.getenv("NITER_DIST");
        if (dist == null) {
            throw new IllegalStateException("NITER_DIST is not set: run these with niter test");
        }
        return Path.of(dist);
    }

    @Test
    void fiftyKillsLoseNothing() throws Exception {
        loseNothing(KILLS, false);
    }

    /** Interrupts by messages: no vector's is lost either. */
    @Test
    void killsOfADetachableFunctionLoseNothing() throws Exception {
        loseNothing(KILLS / 2, true);
    }

    private void loseNothing(int wanted, boolean detachable) throws IOException {
        try (Kills kills = new Kills(home, dist(), 8, true, detachable)) {
            kills.run(wanted);
            System.out.println(kills.text());
            assertThat(kills.findings().text())
                    .isEqualTo("errors 0, lost writes 0, lost flushes 0, corrupt blocks 0");
            assertThat(kills.kills()).isGreaterThanOrEqualTo(wanted);
            assertThat(kills.done()).containsOnlyKeys(Kills.Deed.values());
        }
    }

    /** What the other tests would say of a card that loses a write, or gives another block's. */
    @Test
    void whatTheDiskHasLostIsFound() throws Exception {
        Job job = new Job(2, 8, BLOCK_BYTES, 0, 1, 0, 0, true, false, true, 0);
        Findings findings = new Findings();
        try (EbsHost host = new EbsHost(home, dist(), 64 * BLOCK_BYTES, false, List.of(), -1);
                GuestMemory memory = new GuestMemory((4 << 20) + NvmeLoad.bytes(job));
                NvmeDriver driver =
                        new NvmeDriver(
                                host.socket(),
                                memory,
                                new NvmeDriver.Shape(2, 16, false, false, false),
                                () -> {})) {
            assertThat(driver.sizeBytes()).isEqualTo(64 * BLOCK_BYTES);
            NvmeLoad load =
                    new NvmeLoad(driver, memory, job, new Contents(64, BLOCK_BYTES), findings, 1);
            while (load.completed() < 64) {
                load.turn(true);
            }
            load.readBack();
            assertThat(findings.isEmpty()).isTrue();
            byte[] disk = Files.readAllBytes(host.file());
            overwrite(host.file(), 3 * BLOCK_BYTES + 512, new byte[512]);
            overwrite(host.file(), 5 * BLOCK_BYTES, disk); // the first of all
            load.readBack();
            assertThat(findings.lostWrites()).isEqualTo(1);
            assertThat(findings.corruptBlocks()).isEqualTo(1);
            assertThat(findings.text()).contains("sector 25: generation 0", "sector 40: not what");
        }
    }

    private static void overwrite(Path file, long offset, byte[] data) throws IOException {
        try (Descriptor opened = FileIo.open(file, FileIo.O_RDWR, 0);
                GuestMemory memory = new GuestMemory(4096)) {
            java.lang.foreign.MemorySegment.copy(
                    data,
                    0,
                    memory.segment(0, 512),
                    java.lang.foreign.ValueLayout.JAVA_BYTE,
                    0,
                    512);
            assertThat(FileIo.pwrite(opened.number(), memory.address(0), 512, offset))
                    .isEqualTo(512);
        }
    }
}
