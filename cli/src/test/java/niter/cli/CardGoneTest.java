package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import niter.controller.northbound.Engine;
import niter.controller.northbound.Image;
import niter.controller.northbound.InstanceRequest;
import niter.controller.northbound.InstanceState;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.RunInstancesRequest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A card that cannot start: an instance waits for it, the host's end does not. */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CardGoneTest {
    private final Path home;
    private final TestHost host;

    CardGoneTest(@TempDir Path home) {
        this.home = home;
        host = new TestHost(home);
    }

    private NorthboundChannel controller() {
        return NorthboundChannel.open(host.state().controllerSocket(), Duration.ofSeconds(30));
    }

    @Test
    void downGoesOnWithoutItAndTerminateIsDoneOnceItStarts() throws IOException {
        host.succeed("up");
        try {
            Path log = Files.createDirectory(host.state().log("vpc")); // cannot be opened
            InstanceRequest instance = instance();
            try (NorthboundChannel channel = controller()) {
                assertThatThrownBy(
                                () ->
                                        channel.blocking()
                                                .withDeadlineAfter(3, TimeUnit.SECONDS)
                                                .terminateInstance(instance))
                        .isInstanceOf(StatusRuntimeException.class)
                        .hasMessageStartingWith("DEADLINE_EXCEEDED");
            }
            TestHost.Ended down = host.niter("down");
            assertThat(down.errors())
                    .contains(instance.getInstance() + " is not terminated yet, niter up goes on")
                    .contains("vpc cannot be started: ");
            assertThat(down.status()).isZero();
            assertThat(host.state().downMark()).doesNotExist();

            Files.delete(log); // now it can
            host.succeed("up");
            try (NorthboundChannel channel = controller()) {
                assertThat(channel.blocking().terminateInstance(instance).getState())
                        .isEqualTo(InstanceState.TERMINATED);
            }
        } finally {
            host.close();
        }
    }

    /** One that never gets as far as its machine. */
    private InstanceRequest instance() throws IOException {
        String file = Files.write(home.resolve("file"), new byte[1 << 20]).toString();
        try (NorthboundChannel channel = controller()) {
            return InstanceRequest.newBuilder()
                    .setInstance(
                            channel.blocking()
                                    .runInstances(
                                            RunInstancesRequest.newBuilder()
                                                    .setInstanceType("niter.small")
                                                    .setCount(1)
                                                    .setImage(
                                                            Image.newBuilder()
                                                                    .setKernel(file)
                                                                    .setRootDisk(file))
                                                    .setEngine(Engine.newBuilder().addCommand(file))
                                                    .build())
                                    .getInstance(0)
                                    .getInstanceId())
                    .build();
        }
    }
}
