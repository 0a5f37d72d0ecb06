package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import niter.linux.Descriptor;
import niter.linux.EventFd;
import niter.linux.FileIo;
import niter.linux.MemoryFile;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Servers that end at random points, each followed by another over what the escrow kept: the client
 * must not notice. Additions are not repeatable, so one that is lost or applied twice shows.
 */
class TakeOverTest {
    private static final int OPERATIONS = 400;

    @TempDir Path directory;

    static LongStream seeds() {
        LongStream fixed = LongStream.rangeClosed(1, 20);
        return LongStream.concat(fixed, ThreadLocalRandom.current().longs(5));
    }

    /** Ends the server's thread at one of the marked points. */
    private static final class Killed extends Error {
        private static final long serialVersionUID = 1;
    }

    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void theClientNoticesNothing(long seed) throws Exception {
        run(seed, false);
    }

    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void noInterruptMessageIsLost(long seed) throws Exception {
        run(seed, true);
    }

    private void run(long seed, boolean detachable) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        AtomicLong stepsLeft = new AtomicLong(Long.MAX_VALUE);
        Runnable step =
                () -> {
                    if (stepsLeft.decrementAndGet() == 0) {
                        throw new Killed();
                    }
                };
        Path socket = directory.resolve("function.sock");
        try (FakeEscrow escrow = new FakeEscrow(step);
                Descriptor guest = MemoryFile.create("guest", 1 << 16);
                Descriptor eventfd = EventFd.create()) {
            Keeper keeper = new Keeper(socket, escrow, step, detachable, stepsLeft, random.split());
            Thread restarter = Thread.ofPlatform().start(keeper);
            try (FunctionClient client = FunctionClient.connect(socket)) {
                Interrupts interrupts = new Interrupts(detachable, guest, eventfd);
                converse(client, random, guest, interrupts);
            } finally {
                keeper.stop();
                restarter.join();
            }
            assertThat(keeper.kills).isGreaterThan(3);
        }
    }

    private static void converse(
            FunctionClient client, SplittableRandom random, Descriptor guest, Interrupts interrupts)
            throws IOException {
        client.write(7, 4, 2, 6);
        interrupts.prepare(client);
        long sum = 0;
        long rung = 0;
        boolean mapped = false;
        for (int i = 0; i < OPERATIONS; i++) {
            switch (random.nextInt(6)) {
                case 0 -> {
                    long value = random.nextInt(1000);
                    client.write(0, 0, 8, value);
                    sum += value;
                }
                case 1 -> {
                    int count = random.nextInt(1, 40);
                    for (int n = 0; n < count; n++) {
                        client.post(0, 0, 8, 1);
                        rung = random.nextInt();
                        client.post(0, 0x1000, 4, rung);
                    }
                    sum += count;
                }
                case 2 -> {
                    if (mapped) {
                        client.unmap(0x1000, 0x2000);
                    } else {
                        client.map(guest, 0x1000, 0x1000, 0x2000, 3);
                    }
                    mapped = !mapped;
                }
                case 3 -> {
                    client.write(0, 8, 8, 0x1000); // adds a zero of the guest's, or -1
                    sum += mapped ? 0 : -1;
                }
                case 4 -> {
                    client.write(0, 16, 8, 1);
                    client.read(0, 0, 8);
                    interrupts.expectOne();
                }
                default -> assertThat(client.read(0, 0, 8)).isEqualTo(sum);
            }
        }
        assertThat(client.read(0, 0, 8)).isEqualTo(sum);
        long doorbell = rung & 0xffff_ffffL;
        // The queue runs after the message that rang it; a read that follows sees it at last.
        while (client.read(0, 24, 8) != doorbell) {
            Thread.onSpinWait();
        }
    }

    /** How vector 1 reaches the client: by its eventfd, or by a message that writes its memory. */
    private record Interrupts(boolean byMessage, Descriptor guest, Descriptor eventfd) {
        private static final int AT = 0x8000; // in the guest's memory
        private static final int DATA = 0x4021;

        void prepare(FunctionClient client) throws IOException {
            if (!byMessage) {
                client.assign(1, eventfd);
                return;
            }
            client.map(guest, AT, 0xfee0_0000L, 0x1000, 3);
            client.write(0, 0x2010, 8, 0xfee0_0000L);
            client.write(0, 0x2018, 4, DATA);
            client.write(0, 0x201c, 4, 0); // not masked
            client.write(7, 0x52, 2, 0x8000); // MSI-X enabled
        }

        void expectOne() {
            if (!byMessage) {
                assertThat(EventFd.drain(eventfd.number())).isPositive();
                return;
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment word = arena.allocate(4, 4);
                FileIo.pread(guest.number(), word.address(), 4, AT);
                assertThat(word.get(JAVA_INT, 0)).isEqualTo(DATA);
                word.set(JAVA_INT, 0, 0);
                FileIo.pwrite(guest.number(), word.address(), 4, AT);
            }
        }
    }

    /** Starts a server after each one that ended, until told to stop. */
    private static final class Keeper implements Runnable {
        private final Path socket;
        private final FakeEscrow escrow;
        private final Runnable step;
        private final boolean detachable;
        private final AtomicLong stepsLeft;
        private final SplittableRandom random;
        private final List<FunctionServer> servers = new ArrayList<>();
        private volatile boolean stopped;
        int kills;

        Keeper(
                Path socket,
                FakeEscrow escrow,
                Runnable step,
                boolean detachable,
                AtomicLong stepsLeft,
                SplittableRandom random)
                throws IOException {
            this.socket = socket;
            this.escrow = escrow;
            this.step = step;
            this.detachable = detachable;
            this.stepsLeft = stepsLeft;
            this.random = random;
            servers.add(start(Map.of()));
            // Not at once: the first step lies between accept and escrow, where a kill does lose
            // the
            // connection, as ARCHITECTURE.md says.
            stepsLeft.set(random.nextInt(2, 60));
        }

        private FunctionServer start(Map<String, Descriptor> given) throws IOException {
            return FunctionServer.start(
                    "adder", new Adder(step, detachable), socket, escrow, given);
        }

        @Override
        public void run() {
            while (!stopped) {
                FunctionServer last = servers.getLast();
                last.awaitEnd();
                if (stopped) {
                    break;
                }
                kills++;
                last.detach();
                try {
                    stepsLeft.set(Long.MAX_VALUE);
                    servers.add(start(escrow.given()));
                    stepsLeft.set(random.nextInt(1, 60));
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            }
        }

        void stop() {
            stopped = true;
            stepsLeft.set(Long.MAX_VALUE);
            servers.getLast().close();
        }
    }
}
