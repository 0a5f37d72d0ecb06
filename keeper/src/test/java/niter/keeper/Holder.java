package niter.keeper;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import niter.controller.control.KeeperClient;
import niter.linux.Descriptor;

/**
 * A process that holds: arguments are the keeper's socket and the test's. It tells the test what it
 * was given, or that it holds something new, and waits to be killed.
 */
public final class Holder {
    private Holder() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        KeeperClient keeper = KeeperClient.connect(Path.of(arguments[0]), "holder");
        String news = TestKeeper.given(keeper).get("segment");
        if (news == null) {
            try (Descriptor memory = TestKeeper.memory("written by " + pid())) {
                keeper.hold(Map.of("segment", memory));
            }
            news = "holds, " + pid();
        }
        try (SocketChannel test = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            test.connect(UnixDomainSocketAddress.of(arguments[1]));
            test.write(ByteBuffer.wrap((news + "\n").getBytes(StandardCharsets.UTF_8)));
        }
        new CountDownLatch(1).await();
    }

    private static long pid() {
        return ProcessHandle.current().pid();
    }
}
