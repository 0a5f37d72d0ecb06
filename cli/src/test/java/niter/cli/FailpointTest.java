package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import niter.linux.Failpoint;
import niter.linux.FailpointFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest's life, from firmware to its end, while card, controller and keeper are killed at their
 * failpoints: no error in the guest.
 */
@Tag("guest")
class FailpointTest {
    private static final List<String> PHASES =
            List.of("firmware", "boot", "load", "reset", "teardown");
    private static final List<String> ALL = List.of("ebs", "vpc", "controller", "keeper");
    private static final byte[] NOTHING = {};

    @TempDir Path home;
    private volatile String phase = "firmware";

    @Test
    @Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aLifeWithoutALastingController() throws Exception {
        lives(1, 15, List.of("controller"));
    }

    @Test
    @Tag("long")
    @Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aLifeInWhichEverythingDies() throws Exception {
        lives(1, 15, ALL);
    }

    @Test
    @Tag("long")
    void manyLives() throws Exception {
        lives(Integer.getInteger("niter.failpoints.lives", 100), 60, ALL);
    }

    private void lives(int lives, int loadSeconds, List<String> victims) throws Exception {
        Path file = home.resolve("points");
        Map<String, String> environment = Map.of(Failpoint.VARIABLE, file.toString());
        try (FailpointFile points = FailpointFile.open(file);
                TestHost host = new TestHost(home)) {
            TestHost.Ended up = host.start(NOTHING, environment, "up").await();
            assertThat(up.status()).as(up.errors()).isZero();
            Striker striker = new Striker(host, points, victims, 1, () -> phaseNow(points));
            try {
                for (int life = 0; life < lives; life++) {
                    life(host, environment, points, loadSeconds);
                }
            } finally {
                striker.end();
                System.out.println(striker.table(PHASES));
            }
            assertThat(striker.failure()).isEmpty();
            assertThat(striker.strikes()).isNotEmpty();
        }
    }

    private volatile long adminBefore;

    /** SeaBIOS maps and unmaps memory until a driver, its own, gives the first command. */
    private String phaseNow(FailpointFile points) {
        boolean first = points.hits(Failpoint.ADMIN_EXECUTED) == adminBefore;
        return phase.equals("boot") && first ? "firmware" : phase;
    }

    private void life(
            TestHost host, Map<String, String> environment, FailpointFile points, int loadSeconds)
            throws Exception {
        adminBefore = points.hits(Failpoint.ADMIN_EXECUTED);
        phase = "boot";
        TestHost.Ended run = host.start(NOTHING, environment, "run", "--detach").await();
        assertThat(run.status()).as(run.errors()).isZero();
        String id = run.text().strip();
        TestGuest guest = new TestGuest(host, id);
        ask(() -> guest.shell("true"));
        phase = "load";
        assertNoErrors(ask(() -> load(guest, loadSeconds)));
        phase = "reset";
        String resets =
                "for n in 1 2 3 4; do echo 1 >/sys/class/nvme/nvme0/reset_controller; dd if=/dev/nvme0n1 of=/dev/null bs=64k count=64 iflag=direct 2>/dev/null; done";
        ask(() -> guest.shell(resets));
        assertNoErrors(ask(() -> load(guest, loadSeconds / 5)));
        assertThat(ask(() -> guest.shell("dmesg")))
                .doesNotContain("timeout, ", "I/O error", "EXT4-fs error", "controller is down");
        phase = "teardown";
        TestHost.Ended end = host.start(NOTHING, environment, "terminate", id).await();
        assertThat(end.status()).as(end.errors()).isZero();
        assertThat(ask(host::instances).toString()).doesNotContain("ended by itself", "killed");
    }

    private interface Question<T> {
        T ask() throws IOException;
    }

    /** Who asks a controller that is killed asks again. */
    private static <T> T ask(Question<T> question) throws IOException {
        while (true) {
            try {
                return question.ask();
            } catch (StatusRuntimeException e) {
                assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
            }
        }
    }

    private static String load(TestGuest guest, int seconds) throws IOException {
        TestHost.Ended ended =
                guest.run("perl", "-e", TestGuest.script("load.pl"), Integer.toString(seconds));
        return ended.text();
    }

    private static void assertNoErrors(String load) {
        assertThat(load).matches("started\noperations [0-9]+, errors 0, pause [0-9]+ ms\n");
    }
}
