package niter.card.vpc.services;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import niter.controller.control.Ipv4;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** TCP over a wire that loses, doubles and reorders, in simulated time. */
class TcpEndpointTest {
    private static final long MILLI = 1_000_000L;
    private static final int SERVER = Ipv4.address("169.254.169.254");

    /** A frame on its way. */
    private record Flight(long arrives, byte[] frame, boolean toGuest) {}

    /** Sends back what it gets. */
    private static final class Echo implements ByteStream.Application {
        private final ByteStream stream;
        private final ByteBuffer waiting = ByteBuffer.allocate(512);

        Echo(ByteStream stream) {
            this.stream = stream;
        }

        @Override
        public void readable() {
            try {
                while (true) {
                    int taken = waiting.hasRemaining() ? stream.read(waiting) : 0;
                    waiting.flip();
                    int given = waiting.hasRemaining() ? stream.write(waiting) : 0;
                    boolean empty = !waiting.hasRemaining();
                    waiting.compact();
                    if (taken < 0 && empty) {
                        stream.close();
                        return;
                    }
                    if (taken <= 0 && given == 0) {
                        return;
                    }
                }
            } catch (IOException e) {
                return; // closed before
            }
        }

        @Override
        public void writable() {
            readable();
        }
    }

    private final List<Flight> wire = new ArrayList<>();
    private final Drops drops = new Drops();
    private SplittableRandom random = new SplittableRandom(0);
    private int loss;
    private long now;
    private final TcpEndpoint endpoint =
            new TcpEndpoint(
                    (frame, bytes) -> put(frame, bytes, true),
                    drops,
                    () -> random.nextInt(),
                    () -> {});

    private void put(byte[] frame, int bytes, boolean toGuest) {
        int copies = random.nextInt(100) < loss ? 0 : random.nextInt(100) < loss / 2 ? 2 : 1;
        for (int i = 0; i < copies; i++) {
            long delay = (loss == 0 ? 1 : random.nextInt(1, 12)) * MILLI;
            wire.add(new Flight(now + delay, Arrays.copyOf(frame, bytes), toGuest));
        }
    }

    private GuestTcp guest(int port, byte[] output, boolean finishes) {
        return new GuestTcp(
                (frame, bytes) -> put(frame, bytes, false),
                GuestTcp.MAC,
                GuestTcp.ADDRESS,
                port,
                SERVER,
                80,
                random.nextInt(),
                output,
                finishes);
    }

    private void step(List<GuestTcp> guests, @Nullable TcpService service) {
        now += MILLI;
        for (Flight flight : List.copyOf(wire)) {
            if (flight.arrives > now) {
                continue;
            }
            wire.remove(flight);
            if (flight.toGuest) {
                guests.forEach(guest -> guest.receive(flight.frame, flight.frame.length, now));
            } else {
                Segment segment = GuestTcp.segment(flight.frame, flight.frame.length);
                endpoint.receive(segment, service, now);
            }
        }
        guests.forEach(guest -> guest.poll(now));
        endpoint.run(now);
    }

    static LongStream seeds() {
        return LongStream.range(1, 1_000);
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void whatIsSentArrivesWhateverTheWireDoes(long seed) {
        random = new SplittableRandom(seed);
        loss = random.nextInt(0, 25);
        byte[] output = new byte[random.nextInt(1, 60_000)];
        random.nextBytes(output);
        GuestTcp guest = guest(40_000, output, true);
        for (int i = 0; i < 55_000 && !guest.isEnded() && !guest.isReset(); i++) {
            step(List.of(guest), (peer, stream) -> new Echo(stream));
        }
        assertThat(guest.isReset()).isFalse();
        assertThat(guest.isEnded()).describedAs(guest.input().length + " bytes").isTrue();
        assertThat(guest.input()).isEqualTo(output);
        for (int i = 0; i < 70_000 && endpoint.size() > 0; i++) {
            step(List.of(guest), (peer, stream) -> new Echo(stream));
        }
        assertThat(endpoint.size()).isZero();
    }

    @Test
    void theHandshakeIsAnsweredAtOnce() {
        GuestTcp guest = guest(40_000, new byte[0], false);
        step(List.of(guest), (peer, stream) -> new Echo(stream));
        step(List.of(guest), (peer, stream) -> new Echo(stream));
        step(List.of(guest), (peer, stream) -> new Echo(stream));
        assertThat(guest.isConnected()).isTrue();
    }

    @Test
    void whereNothingListensThereIsAReset() {
        GuestTcp guest = guest(40_000, new byte[0], false);
        for (int i = 0; i < 5; i++) {
            step(List.of(guest), null);
        }
        assertThat(guest.isReset()).isTrue();
        assertThat(endpoint.size()).isZero();
    }

    @Test
    void aGuestHasABoundedNumberAndIdleOnesEnd() {
        List<GuestTcp> guests = new ArrayList<>();
        for (int port = 1; port <= 2 * TcpEndpoint.PER_GUEST; port++) {
            guests.add(guest(port, new byte[0], false));
            step(guests, (peer, stream) -> new Echo(stream));
            step(guests, (peer, stream) -> new Echo(stream));
            step(guests, (peer, stream) -> new Echo(stream));
        }
        assertThat(endpoint.size()).isEqualTo(TcpEndpoint.PER_GUEST);
        assertThat(drops.of(DropReason.LIMIT)).isPositive();
        for (int i = 0; i < 12_000; i++) {
            step(List.of(), (peer, stream) -> new Echo(stream));
        }
        assertThat(endpoint.size()).isZero();
    }
}
