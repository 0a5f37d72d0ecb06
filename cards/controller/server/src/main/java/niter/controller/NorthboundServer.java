package niter.controller;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Serves the northbound API on a Unix socket, in a directory that is closed to others. */
final class NorthboundServer {
    /** Netty warns about TCP options that Unix sockets lack; kept here, or it is collected. */
    private static final Logger BOOTSTRAP_LOGGER = Logger.getLogger("io.netty.bootstrap");

    private static final int MAX_MESSAGE = 1 << 20;

    private NorthboundServer() {}

    /** Begins to serve; a socket that a killed process left gives way. */
    static Server start(Path socket, NorthboundService service) throws IOException {
        BOOTSTRAP_LOGGER.setLevel(Level.SEVERE);
        Files.deleteIfExists(socket);
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        return NettyServerBuilder.forAddress(UnixDomainSocketAddress.of(socket))
                .channelType(NioServerDomainSocketChannel.class)
                .bossEventLoopGroup(loop)
                .workerEventLoopGroup(loop)
                .executor(Executors.newVirtualThreadPerTaskExecutor())
                .maxInboundMessageSize(MAX_MESSAGE)
                .addService(service)
                .build()
                .start();
    }
}
