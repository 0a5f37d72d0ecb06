package niter.controller.northbound;

import io.grpc.Channel;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * A connection to the controller's Unix socket for which a restart of the controller is a pause: a
 * call waits for the connection, and is sent again where the connection ended before its answer
 * began. RunInstances has a token for that; what else makes or changes something may be refused as
 * done already, and a prefix list be made twice. A controller that stays away longer than the given
 * patience ends all calls with UNAVAILABLE. A stream that had begun ends with UNAVAILABLE; its
 * caller opens it again.
 */
public final class NorthboundChannel implements AutoCloseable {
    private static final long LOOK_AGAIN_MS = 50;
    private static final int MAX_ATTEMPTS = 30;

    /**
     * Netty warns about TCP options that Unix sockets do not know; kept here, or it is collected.
     */
    private static final Logger BOOTSTRAP_LOGGER = Logger.getLogger("io.netty.bootstrap");

    private static final Map<String, ?> SERVICE_CONFIG =
            Map.of(
                    "methodConfig",
                    List.of(
                            Map.of(
                                    "name",
                                    List.of(Map.of()), // every method
                                    "waitForReady",
                                    true,
                                    "retryPolicy",
                                    Map.of(
                                            "maxAttempts",
                                            (double) MAX_ATTEMPTS,
                                            "initialBackoff",
                                            "0.05s",
                                            "maxBackoff",
                                            "0.5s",
                                            "backoffMultiplier",
                                            1.5,
                                            "retryableStatusCodes",
                                            List.of("UNAVAILABLE")))));

    private final EventLoopGroup eventLoops;
    private final ManagedChannel channel;
    private final Duration patience;
    private long awaySinceNanos;
    private boolean away;

    private NorthboundChannel(Path socket, Duration patience) {
        BOOTSTRAP_LOGGER.setLevel(Level.SEVERE);
        this.patience = patience;
        eventLoops =
                new MultiThreadIoEventLoopGroup(
                        1, new DefaultThreadFactory("northbound", true), NioIoHandler.newFactory());
        channel =
                NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(socket))
                        .channelType(NioDomainSocketChannel.class, UnixDomainSocketAddress.class)
                        .eventLoopGroup(eventLoops)
                        .overrideAuthority("localhost")
                        .usePlaintext()
                        .disableServiceConfigLookUp()
                        .defaultServiceConfig(SERVICE_CONFIG)
                        .enableRetry()
                        .maxRetryAttempts(MAX_ATTEMPTS)
                        .build();
        follow();
    }

    /**
     * Opens a channel; the connection is made by the first call.
     *
     * @param socket the controller's socket, RUN/controller.sock
     * @param patience how long an absence of the controller may last before calls fail
     */
    public static NorthboundChannel open(Path socket, Duration patience) {
        return new NorthboundChannel(socket, patience);
    }

    /** What stubs are made of. */
    public Channel channel() {
        return channel;
    }

    /** A stub whose calls block. */
    public ControllerGrpc.ControllerBlockingStub blocking() {
        return ControllerGrpc.newBlockingStub(channel);
    }

    /** A stub whose answers arrive at observers. */
    public ControllerGrpc.ControllerStub async() {
        return ControllerGrpc.newStub(channel);
    }

    /**
     * gRPC would wait 1 s, then longer, before it connects again; a controller is back sooner. The
     * state stays TRANSIENT_FAILURE through all attempts, so it is looked at again and again.
     */
    private void follow() {
        ConnectivityState state = channel.getState(false);
        if (state == ConnectivityState.SHUTDOWN) {
            return;
        }
        if (state != ConnectivityState.TRANSIENT_FAILURE) {
            if (state == ConnectivityState.READY) {
                arrived();
            }
            channel.notifyWhenStateChanged(state, this::follow);
            return;
        }
        if (isPatienceOver()) {
            channel.shutdownNow();
            return;
        }
        channel.resetConnectBackoff();
        followLater();
    }

    /** Not on the common pool: on two processors one call that blocks there would fill it. */
    private synchronized void followLater() {
        if (!channel.isShutdown()) {
            eventLoops.schedule(this::follow, LOOK_AGAIN_MS, TimeUnit.MILLISECONDS);
        }
    }

    private synchronized boolean isPatienceOver() {
        long now = System.nanoTime();
        if (!away) {
            away = true;
            awaySinceNanos = now;
        }
        return now - awaySinceNanos > patience.toNanos();
    }

    private synchronized void arrived() {
        away = false;
    }

    /** Ends the calls under way and the connection. */
    @Override
    public synchronized void close() {
        channel.shutdownNow();
        eventLoops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
