package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceState;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.StopInstanceRequest;
import niter.linux.Failpoint;
import niter.linux.FailpointFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A controller that is killed in the middle of a stop. */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StopKillTest {
    private static final byte[] NOTHING = {};
    private static final int LOOK_MILLIS = 20;

    @TempDir Path home;

    /** The machine is gone and forgotten, its functions are not: the first card is being asked. */
    @Test
    void theNextControllerReleasesTheFunctions() throws Exception {
        Path file = home.resolve("points");
        Map<String, String> environment = Map.of(Failpoint.VARIABLE, file.toString());
        try (FailpointFile points = FailpointFile.open(file);
                TestHost host = new TestHost(home)) {
            String id = succeed(host.start(NOTHING, environment, "run", "--detach")).strip();
            Path disk = host.state().functionSocket(one(host).getRootVolumeId());
            awaitRunning(host);
            assertThat(disk).exists();
            int killed = host.pid("controller");
            points.arm(Failpoint.CONTROLLER_CARD_ASKED, 1, killed);
            stop(host, id); // the next controller answers it
            assertThat(points.strikes(Failpoint.CONTROLLER_CARD_ASKED)).isEqualTo(1);
            assertThat(host.pid("controller")).isNotEqualTo(killed);
            for (int looks = 0; looks < 1000 && Files.exists(disk); looks++) {
                TestHost.idle(LOOK_MILLIS);
            }
            assertThat(disk).doesNotExist();
            assertThat(host.pid(id)).isZero();
            assertThat(one(host).getState()).isEqualTo(InstanceState.STOPPED);
            succeed(host.start(NOTHING, environment, "start", id));
            awaitRunning(host);
            assertThat(disk).exists();
        }
    }

    private static void awaitRunning(TestHost host) throws InterruptedException {
        while (one(host).getState() != InstanceState.RUNNING) {
            TestHost.idle(LOOK_MILLIS);
        }
    }

    private static Instance one(TestHost host) {
        return host.instances().getFirst();
    }

    private static void stop(TestHost host, String id) throws IOException {
        StopInstanceRequest request =
                StopInstanceRequest.newBuilder().setInstance(id).setForce(true).build();
        try (NorthboundChannel channel =
                NorthboundChannel.open(host.state().controllerSocket(), Duration.ofSeconds(30))) {
            channel.blocking().stopInstance(request);
        }
    }

    private static String succeed(TestHost.Running command) throws IOException {
        TestHost.Ended ended = command.await();
        assertThat(ended.status()).as(ended.errors()).isZero();
        return ended.text();
    }
}
