package niter.pcie;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.Test;

/**
 * A listener that is readable and does not accept, as where no descriptor is left. Without
 * descriptors no test would run, so here it is a socket at its end, which accepts as little.
 */
class ListenerTest {
    private long nanos = Long.MAX_VALUE - 5; // a clock may wrap

    private static Descriptor readable() {
        Descriptor[] pair = UnixSocket.pair(UnixSocket.Type.STREAM);
        pair[1].close();
        UnixSocket.setNonBlocking(pair[0].number(), true);
        return pair[0];
    }

    @Test
    void isNotWatchedForASecondAfterAnError() {
        Descriptor socket = readable();
        long[] tokens = new long[1];
        try (Epoll epoll = new Epoll();
                FakeEscrow escrow = new FakeEscrow(() -> {})) {
            LogRation ration = new LogRation(System::nanoTime);
            Listener listener =
                    new Listener("adder", socket, escrow, ration, epoll, 7, () -> nanos);
            listener.want(true);
            assertThat(listener.sleepNanos()).isEqualTo(Long.MAX_VALUE);
            assertThat(epoll.await(0, tokens)).isEqualTo(1);
            assertThat(listener.accept()).isNull();
            assertThat(epoll.await(0, tokens)).isZero();
            assertThat(listener.sleepNanos()).isEqualTo(Listener.PAUSE_NANOS);
            nanos += Listener.PAUSE_NANOS - 1;
            listener.lookAgain();
            assertThat(listener.sleepNanos()).isEqualTo(1);
            listener.want(false);
            listener.want(true);
            assertThat(epoll.await(0, tokens)).as("still paused").isZero();
            nanos++;
            listener.lookAgain();
            assertThat(epoll.await(0, tokens)).isEqualTo(1);
            assertThat(listener.sleepNanos()).isEqualTo(Long.MAX_VALUE);
            listener.close();
        }
    }

    /** The core sleeps until the function tries again. */
    @Test
    void keepsNoCoreAwake() throws IOException {
        Descriptor socket = readable();
        Adder device = new Adder(() -> {});
        long[] tokens = new long[1];
        try (Descriptor file = FunctionSegment.allocate("adder", device.shape());
                FunctionSegment segment = FunctionSegment.format(file, device.shape());
                FakeEscrow escrow = new FakeEscrow(() -> {});
                Epoll core = new Epoll()) {
            FunctionLoop loop =
                    new FunctionLoop(
                            "adder",
                            device,
                            segment,
                            new FunctionLoop.Sockets(socket, null),
                            escrow,
                            new HeldDescriptors("adder", escrow),
                            false);
            loop.start(1, new Turns());
            core.add(loop.descriptor().number(), 1);
            assertThat(core.await(0, tokens)).isEqualTo(1);
            loop.events(true);
            assertThat(core.await(0, tokens)).isZero();
            assertThat(loop.sleepNanos()).isLessThanOrEqualTo(Listener.PAUSE_NANOS);
            assertThat(loop.isToEnd()).isFalse();
            loop.end();
        }
    }
}
