package niter.controller.northbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NorthboundChannelTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    private final EventLoopGroup loops =
            new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    @TempDir Path directory;

    @AfterEach
    void end() {
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    @Test
    void aCallWaitsForAControllerThatIsNotThereYet() throws Exception {
        Path socket = directory.resolve("c");
        try (var channel = NorthboundChannel.open(socket, LONG)) {
            var call =
                    CompletableFuture.supplyAsync(
                            () -> channel.blocking().describeInstances(request()));
            Server server = serve(socket, loops, new Answering());
            assertThat(call.get(30, TimeUnit.SECONDS)).isEqualTo(Instances.getDefaultInstance());
            server.shutdownNow().awaitTermination();
        }
    }

    @Test
    void aCallUnderWayWhenTheControllerEndsIsSentAgain() throws Exception {
        Path socket = directory.resolve("c");
        EventLoopGroup doomed = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        serve(socket, doomed, new Dying(doomed));
        try (var channel = NorthboundChannel.open(socket, LONG)) {
            var call =
                    CompletableFuture.supplyAsync(
                            () -> channel.blocking().describeInstances(request()));
            assertThat(doomed.terminationFuture().await(30, TimeUnit.SECONDS)).isTrue();
            Files.deleteIfExists(socket);
            Server second = serve(socket, loops, new Answering());
            assertThat(call.get(30, TimeUnit.SECONDS)).isEqualTo(Instances.getDefaultInstance());
            second.shutdownNow().awaitTermination();
        }
    }

    @Test
    void aControllerThatStaysAwayEndsTheCall() {
        try (var channel = NorthboundChannel.open(directory.resolve("c"), Duration.ZERO)) {
            assertThatThrownBy(() -> channel.blocking().describeInstances(request()))
                    .isInstanceOfSatisfying(
                            StatusRuntimeException.class,
                            e ->
                                    assertThat(e.getStatus().getCode())
                                            .isEqualTo(Status.Code.UNAVAILABLE));
        }
    }

    private static DescribeInstancesRequest request() {
        return DescribeInstancesRequest.getDefaultInstance();
    }

    private static Server serve(
            Path socket, EventLoopGroup loops, ControllerGrpc.ControllerImplBase service)
            throws IOException {
        return NettyServerBuilder.forAddress(UnixDomainSocketAddress.of(socket))
                .channelType(NioServerDomainSocketChannel.class)
                .bossEventLoopGroup(loops)
                .workerEventLoopGroup(loops)
                .directExecutor()
                .addService(service)
                .build()
                .start();
    }

    private static final class Answering extends ControllerGrpc.ControllerImplBase {
        @Override
        public void describeInstances(
                DescribeInstancesRequest request, StreamObserver<Instances> answer) {
            answer.onNext(Instances.getDefaultInstance());
            answer.onCompleted();
        }
    }

    /**
     * Ends in the middle of a call as a killed process does: the client sees EOF and nothing else.
     * A shutdown without a quiet period is sure to close Netty's channels only where it begins
     * while one of them is read.
     */
    private static final class Dying extends ControllerGrpc.ControllerImplBase {
        private final EventLoopGroup loops;

        Dying(EventLoopGroup loops) {
            this.loops = loops;
        }

        @Override
        public void describeInstances(
                DescribeInstancesRequest request, StreamObserver<Instances> answer) {
            loops.shutdownGracefully(0, 0, TimeUnit.SECONDS);
        }
    }
}
