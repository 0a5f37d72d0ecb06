package niter.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import niter.linux.Processes;
import niter.linux.Signals;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A function that ends the processes that serve it, and one beside it that does not. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PoisonTest {
    private static final int ABORT = Signals.SIGABRT;

    @TempDir Path directory;

    /** A child process and what it wrote. */
    private record Card(int pid, BufferedReader output) {
        /** How it ended: "exit 1", "signal 6". */
        Processes.Ended await() throws IOException {
            assertThat(output.readLine()).as("no more than that").isNull(); // its end
            Processes.@Nullable Ended ended = Processes.reap(pid);
            while (ended == null) {
                Thread.onSpinWait();
                ended = Processes.reap(pid);
            }
            return ended;
        }
    }

    private Card start(List<Descriptor> held, int before, Processes.@Nullable Ended end)
            throws IOException {
        String path =
                Stream.of(
                                System.getProperty("jdk.module.path", ""),
                                System.getProperty("java.class.path", ""),
                                "target/test-classes")
                        .filter(part -> !part.isEmpty())
                        .collect(Collectors.joining(File.pathSeparator));
        Descriptor[] output = FileIo.pipe();
        int[] inherit = new int[3 + held.size()];
        inherit[0] = Processes.DEV_NULL;
        inherit[1] = output[1].number();
        inherit[2] = Processes.DEV_NULL;
        for (int i = 0; i < held.size(); i++) {
            inherit[3 + i] = held.get(i).number();
        }
        int pid =
                Processes.spawn(
                        System.getProperty("java.home") + "/bin/java",
                        List.of(
                                "mortal-card",
                                "-XX:TieredStopAtLevel=1",
                                "-Xmx32m",
                                "--enable-native-access=ALL-UNNAMED",
                                "-cp",
                                path,
                                MortalCard.class.getName(),
                                directory.toString(),
                                Integer.toString(before),
                                Long.toString(System.currentTimeMillis()),
                                Integer.toString(end == null ? 0 : end.signal())),
                        List.of(),
                        inherit,
                        false);
        output[1].close();
        return new Card(
                pid, Files.newBufferedReader(Path.of("/proc/self/fd/" + output[0].number())));
    }

    /** Functions "a" and "b" with a client each. From {@link #leave} on, processes serve them. */
    private final class Pair implements AutoCloseable {
        final FunctionClient a;
        final FunctionClient b;
        private final FakeEscrow firstEscrow = new FakeEscrow(() -> {});
        private final FakeEscrow secondEscrow = new FakeEscrow(() -> {});
        private final FunctionServer first = serve("a", firstEscrow);
        private final FunctionServer second = serve("b", secondEscrow);
        private final List<Descriptor> held = new ArrayList<>();

        Pair() throws IOException {
            a = FunctionClient.connect(directory.resolve("a"));
            b = FunctionClient.connect(directory.resolve("b"));
        }

        Card leave() throws IOException {
            first.detach();
            second.detach();
            take(firstEscrow, held);
            take(secondEscrow, held);
            return next(0, null, "00");
        }

        /** A process after the one that ended so; {@code out} says who is out of service. */
        Card next(int before, Processes.@Nullable Ended end, String out) throws IOException {
            Card card = start(held, before, end);
            assertThat(card.output.readLine()).isEqualTo("ready " + out);
            return card;
        }

        /** Awaits so many ends; with the second one, somebody is out of service. */
        Card outlive(Card first, int ends, int signal, String out) throws IOException {
            Card card = first;
            for (int n = 1; n <= ends; n++) {
                Processes.Ended end = card.await();
                assertThat(end.signal()).isEqualTo(signal);
                card = next(card.pid, end, n == 1 ? "00" : out);
            }
            return card;
        }

        @Override
        public void close() {
            a.close();
            b.close();
            first.close();
            second.close();
            firstEscrow.close();
            secondEscrow.close();
            held.forEach(Descriptor::close);
        }
    }

    private static Processes.Ended kill(Card card) throws IOException {
        Processes.kill(card.pid, Signals.SIGKILL);
        return card.await();
    }

    /** How the function ends its process: an Error of Java's, or a signal under the mark. */
    @ParameterizedTest
    @ValueSource(ints = {Adder.ERROR, ABORT})
    void twoEndsTakeItOutOfServiceAndTheOtherGoesOn(int way) throws Exception {
        try (Pair pair = new Pair()) {
            pair.b.write(0, 0, 8, 1);
            Card card = pair.leave();
            pair.a.post(0, Adder.POISON, 8, way);
            card = pair.outlive(card, 2, way == ABORT ? ABORT : 0, "10");
            pair.b.write(0, 0, 8, 1);
            assertThat(pair.b.read(0, 0, 8)).isEqualTo(2);
            // The message is served at last, by a device that knows that it has failed.
            assertThat(pair.a.read(0, Adder.FAILED, 8)).isOne();
            card = pair.next(card.pid, kill(card), "10");
            assertThat(pair.a.read(0, Adder.FAILED, 8)).isOne();
            assertThat(pair.b.read(0, 0, 8)).isEqualTo(2);
            kill(card);
        }
    }

    @Test
    void whoCallsAnotherIsNotBlamedForIt() throws Exception {
        try (Pair pair = new Pair()) {
            Card card = pair.leave();
            pair.a.post(0, Adder.POISON, 8, Adder.NEIGHBOUR);
            card = pair.outlive(card, 2, 0, "01");
            pair.a.write(0, 0, 8, 1);
            assertThat(pair.a.read(0, 0, 8)).isOne();
            assertThat(pair.a.read(0, Adder.FAILED, 8)).isZero();
            assertThat(pair.b.read(0, Adder.FAILED, 8)).isOne();
            kill(card);
        }
    }

    /** A signal finds no name but the mark: that of the code that ran. */
    @Test
    void aSignalIsWhoseCodeRan() throws Exception {
        try (Pair pair = new Pair()) {
            Card card = pair.leave();
            pair.a.post(0, Adder.POISON, 8, Adder.NEIGHBOUR_SIGNAL);
            card = pair.outlive(card, 2, ABORT, "01");
            assertThat(pair.a.read(0, Adder.FAILED, 8)).isZero();
            assertThat(pair.b.read(0, Adder.FAILED, 8)).isOne();
            kill(card);
        }
    }

    @Test
    void whoCalledAnotherIsMarkedAgainAfterwards() throws Exception {
        try (Pair pair = new Pair()) {
            Card card = pair.leave();
            pair.a.post(0, Adder.POISON, 8, Adder.AFTER_NEIGHBOUR);
            card = pair.outlive(card, 2, ABORT, "10");
            assertThat(pair.a.read(0, Adder.FAILED, 8)).isOne();
            assertThat(pair.b.read(0, Adder.FAILED, 8)).isZero();
            kill(card);
        }
    }

    /**
     * What ends its process even out of service is not touched any more: its client hears of it.
     */
    @Test
    void aThirdEndAbandonsItAndTheOtherGoesOn() throws Exception {
        try (Pair pair = new Pair()) {
            Card card = pair.leave();
            pair.a.post(0, Adder.POISON, 8, Adder.ALWAYS);
            card = pair.outlive(card, 3, 0, "10");
            assertThatThrownBy(() -> pair.a.read(0, 0, 8)).isInstanceOf(IOException.class);
            pair.b.write(0, 0, 8, 1);
            assertThat(pair.b.read(0, 0, 8)).isEqualTo(1);
            kill(card);
        }
    }

    private FunctionServer serve(String id, FakeEscrow escrow) throws IOException {
        return FunctionServer.start(
                id, new Adder(() -> {}), directory.resolve(id), escrow, Map.of());
    }

    private static void take(FakeEscrow escrow, List<Descriptor> held) {
        Map<String, Descriptor> given = escrow.given();
        for (String key :
                List.of(
                        FunctionServer.SEGMENT,
                        FunctionServer.LISTENER,
                        FunctionServer.CONNECTION)) {
            Descriptor descriptor = given.get(key);
            assertThat(descriptor).as(key).isNotNull();
            held.add(descriptor);
        }
    }

    // ---- what counts -------------------------------------------------------------------------

    private final MemorySegment live = Arena.ofAuto().allocate(512, 8);
    private final ServiceMark mark = new ServiceMark(live);

    private void ends(long unixMs, int signal) {
        mark.judge(new Remembering(new Escrow.End(unixMs, signal)));
    }

    /** All processes ended in one way. */
    private record Remembering(@Nullable End end) implements Escrow {
        @Override
        public void hold(Map<String, Descriptor> byKey) {}

        @Override
        public void release(String... keys) {}

        @Override
        public @Nullable End endOf(int pid) {
            return end;
        }
    }

    @Test
    void killsAndUnknownEndsDoNotCount() {
        for (int i = 0; i < 10; i++) {
            mark.set();
            ends(1000, Signals.SIGKILL);
            mark.set();
            mark.judge(new Remembering(null));
        }
        assertThat(mark.isOutOfService()).isFalse();
    }

    @Test
    void endsThatAreFarApartDoNotCount() {
        for (long unixMs = 1000; unixMs < 200_000; unixMs += 10_001) {
            mark.set();
            ends(unixMs, ABORT);
        }
        assertThat(mark.isOutOfService()).isFalse();
        mark.set();
        ends(200_000, ABORT);
        assertThat(mark.isOutOfService()).isTrue();
        mark.forgive();
        assertThat(mark.isOutOfService()).isFalse();
    }

    @Test
    void whoIsMarkedButNotBlamedDidNotBringAnError() {
        for (int i = 0; i < 3; i++) {
            mark.set();
            ends(1000, 0);
        }
        assertThat(mark.isOutOfService()).isFalse();
        for (int i = 0; i < 2; i++) {
            mark.set();
            mark.blame();
            mark.clear();
            ends(1000, 0);
        }
        assertThat(mark.isOutOfService()).isTrue();
        assertThat(mark.isAbandoned()).isFalse();
    }

    @Test
    void whoIsNotServedIsNotMarked() {
        for (int i = 0; i < 3; i++) {
            mark.set();
            mark.clear();
            ends(1000, ABORT);
        }
        assertThat(mark.isOutOfService()).isFalse();
    }
}
