package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import niter.controller.northbound.AuthorizeSecurityGroupRequest;
import niter.controller.northbound.Engine;
import niter.controller.northbound.Image;
import niter.controller.northbound.InstanceRequest;
import niter.controller.northbound.InstanceState;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.RevokeSecurityGroupRequest;
import niter.controller.northbound.RunInstancesRequest;
import niter.controller.northbound.SecurityGroupRule;
import niter.linux.Signals;
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

    /**
     * Who is told that a rule is there or gone may rely on it: the card that follows has it too.
     */
    @Test
    void aRuleIsAnsweredOnceTheCardHasIt() throws IOException {
        host.succeed("up");
        try {
            InstanceRequest instance = instance();
            try (NorthboundChannel channel = controller()) { // which asks the card too
                assertThat(channel.blocking().terminateInstance(instance).getState())
                        .isEqualTo(InstanceState.TERMINATED);
            }
            Path log = host.state().log("vpc");
            Files.delete(log);
            Files.createDirectory(log); // no card starts until it is gone
            host.signal("vpc", Signals.SIGKILL);
            while (host.pid("vpc") != 0) {
                Thread.onSpinWait();
            }
            SecurityGroupRule rule =
                    SecurityGroupRule.newBuilder()
                            .setIpProtocol("tcp")
                            .setFromPort(8080)
                            .setToPort(8080)
                            .setCidrIpv4("10.0.0.0/8")
                            .build();
            try (NorthboundChannel channel = controller()) {
                AuthorizeSecurityGroupRequest authorize =
                        AuthorizeSecurityGroupRequest.newBuilder()
                                .setGroup("default")
                                .addRule(rule)
                                .build();
                assertThatThrownBy(
                                () ->
                                        channel.blocking()
                                                .withDeadlineAfter(3, TimeUnit.SECONDS)
                                                .authorizeSecurityGroup(authorize))
                        .isInstanceOf(StatusRuntimeException.class)
                        .hasMessageStartingWith("DEADLINE_EXCEEDED");
                Files.delete(log);
                channel.blocking()
                        .revokeSecurityGroup(
                                RevokeSecurityGroupRequest.newBuilder()
                                        .setGroup("default")
                                        .addRule(rule)
                                        .build());
                assertThat(host.pid("vpc")).isPositive();
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
