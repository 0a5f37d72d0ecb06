package niter.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import niter.linux.Descriptor;
import niter.linux.EventFd;
import niter.linux.FileIo;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Several functions on one thread. */
class CoreTest {
    @TempDir Path directory;

    @Test
    void oneFunctionsBugIsNotTheOthers() throws Exception {
        try (Core core = new Core("core");
                FakeEscrow escrow = new FakeEscrow(() -> {});
                FakeEscrow other = new FakeEscrow(() -> {})) {
            core.start();
            Adder buggy =
                    new Adder(
                            () -> {
                                throw new IllegalStateException("a bug");
                            });
            try (FunctionServer first = start("a", buggy, escrow, core);
                    FunctionServer second = start("b", new Adder(() -> {}), other, core);
                    FunctionClient good = FunctionClient.connect(directory.resolve("b"))) {
                try (FunctionClient bad = FunctionClient.connect(directory.resolve("a"))) {
                    assertThatThrownBy(() -> bad.write(0, 0, 8, 5)).isInstanceOf(IOException.class);
                    first.awaitEnd();
                }
                good.write(0, 0, 8, 5);
                assertThat(good.read(0, 0, 8)).isEqualTo(5);
                assertThat(second.connected()).isTrue();
                assertThat(first.connected()).isFalse();
            }
        }
    }

    /** A client that fills its counter and clears O_NONBLOCK, which it shares with the core. */
    @Test
    void aClientsFullCounterStopsNoneOfItsFunctions() throws Exception {
        try (Core core = new Core("core");
                FakeEscrow escrow = new FakeEscrow(() -> {});
                FakeEscrow other = new FakeEscrow(() -> {});
                Descriptor full = EventFd.create();
                Arena arena = Arena.ofConfined()) {
            core.start();
            try (FunctionServer first = start("a", new Adder(() -> {}), escrow, core);
                    FunctionServer second = start("b", new Adder(() -> {}), other, core);
                    FunctionClient good = FunctionClient.connect(directory.resolve("b"));
                    FunctionClient bad = FunctionClient.connect(directory.resolve("a"))) {
                bad.write(7, 4, 2, 6);
                bad.assign(0, full);
                long limit = arena.allocateFrom(ValueLayout.JAVA_LONG, -2L).address();
                assertThat(FileIo.write(full.number(), limit, 8)).isEqualTo(8);
                UnixSocket.setNonBlocking(full.number(), false);
                bad.post(0, 16, 8, 0);
                FutureTask<Long> answer = new FutureTask<>(() -> good.read(0, 0, 8));
                Thread.ofPlatform().daemon().start(answer);
                try {
                    assertThat(answer.get(30, TimeUnit.SECONDS)).isZero();
                } finally {
                    UnixSocket.setNonBlocking(full.number(), true);
                    EventFd.drain(full.number()); // a core that waits there could not end
                }
                assertThat(bad.read(0, 0, 8)).isZero();
                assertThat(second.connected()).isTrue();
                assertThat(first.interrupts()).isEqualTo(1);
            }
        }
    }

    /** A flood is served in turns, and the others of the core come between them. */
    @Test
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aClientThatFloodsTakesTurnsWithTheOthers() throws Exception {
        AtomicInteger additions = new AtomicInteger();
        Core core = new Core("stepped");
        try (FakeEscrow escrow = new FakeEscrow(() -> {});
                FakeEscrow other = new FakeEscrow(() -> {});
                FunctionServer first = start("a", adder(additions), escrow, core);
                FunctionServer second = start("b", new Adder(() -> {}), other, core);
                FunctionClient bad = connect(core, "a");
                FunctionClient good = connect(core, "b");
                Arena arena = Arena.ofConfined();
                Core _ = core) { // the first to be closed: nobody else steps
            send(bad, writes(arena, 800, 0, 8), 800 * 40 - 10); // the last one is a part
            FutureTask<Long> answer = ask(good);
            core.step();
            assertThat(additions).hasPositiveValue().hasValueLessThan(100);
            assertThat(answer.get(30, TimeUnit.SECONDS)).isZero();
            stepUntil(core, () -> additions.get() == 799);
            assertThat(bad.socket()).matches(socket -> UnixSocket.unreadBytes(socket.number()) > 0);
            send(bad, writes(arena, 1, 0, 8).asSlice(30), 10);
            FutureTask<Long> sum = ask(bad);
            stepUntil(core, sum::isDone);
            assertThat(sum.get()).isEqualTo(800);

            MemorySegment doorbells = writes(arena, 1800, 0x1000, 4);
            for (int n = 0; n < 4; n++) {
                send(bad, doorbells.asSlice(450L * 36 * n), 450 * 36);
            }
            core.step();
            assertThat(bad.socket()).matches(socket -> UnixSocket.unreadBytes(socket.number()) > 0);
            FutureTask<Long> after = ask(bad);
            stepUntil(core, after::isDone);
            assertThat(first.connected()).isTrue();
            assertThat(second.connected()).isTrue();
        }
    }

    /** Messages with descriptors ask the keeper, others wait for the device: one of them a turn. */
    @Test
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void messagesThatTakeTimeAreServedOneATurn() throws Exception {
        AtomicInteger held = new AtomicInteger();
        Adder adder = new Adder(() -> {});
        Core core = new Core("stepped");
        try (FakeEscrow escrow = new FakeEscrow(held::incrementAndGet);
                FunctionServer server = start("a", adder, escrow, core);
                FunctionClient client = connect(core, "a");
                Descriptor eventfd = EventFd.create();
                Arena arena = Arena.ofConfined();
                Core _ = core) { // the first to be closed: nobody else steps
            MemorySegment message = arena.allocate(36, 8);
            message.set(ValueLayout.JAVA_SHORT, Wire.COMMAND, (short) Wire.DEVICE_SET_IRQS);
            message.set(ValueLayout.JAVA_INT, Wire.SIZE, 36);
            message.set(ValueLayout.JAVA_INT, Wire.FLAGS, Wire.NO_REPLY);
            message.set(ValueLayout.JAVA_INT, 16, 20);
            message.set(ValueLayout.JAVA_INT, 20, Wire.SET_EVENTFD | Wire.SET_TRIGGER);
            message.set(ValueLayout.JAVA_INT, 24, Wire.IRQ_MSIX);
            message.set(ValueLayout.JAVA_INT, 32, 1);
            for (int n = 0; n < 3; n++) {
                send(client, message, 36, eventfd.number());
            }
            MemorySegment reset = arena.allocate(16, 8);
            reset.set(ValueLayout.JAVA_SHORT, Wire.COMMAND, (short) Wire.DEVICE_RESET);
            reset.set(ValueLayout.JAVA_INT, Wire.SIZE, 16);
            reset.set(ValueLayout.JAVA_INT, Wire.FLAGS, Wire.NO_REPLY);
            for (int n = 0; n < 3; n++) {
                send(client, reset, 16);
            }
            int before = held.get();
            core.step();
            assertThat(held.get() - before).as("before and after one call").isEqualTo(2);
            stepUntil(core, () -> adder.calls.contains("reset"));
            assertThat(adder.calls).containsExactly("quiesce", "reset");
            stepUntil(core, () -> adder.calls.size() == 6);
            assertThat(server.connected()).isTrue();
        }
    }

    private static Adder adder(AtomicInteger additions) {
        boolean[] inside = new boolean[1]; // it says when one begins, and when it ends
        return new Adder(
                () -> {
                    inside[0] = !inside[0];
                    additions.addAndGet(inside[0] ? 1 : 0);
                });
    }

    /** Posted writes of 1, one after the other. */
    private static MemorySegment writes(Arena arena, int count, int offset, int bytes) {
        int size = 32 + bytes;
        MemorySegment writes = arena.allocate((long) size * count, 8);
        for (int n = 0; n < count; n++) {
            MemorySegment one = writes.asSlice((long) size * n, size);
            one.set(ValueLayout.JAVA_SHORT_UNALIGNED, Wire.COMMAND, (short) Wire.REGION_WRITE);
            one.set(ValueLayout.JAVA_INT_UNALIGNED, Wire.SIZE, size);
            one.set(ValueLayout.JAVA_INT_UNALIGNED, Wire.FLAGS, Wire.NO_REPLY);
            one.set(ValueLayout.JAVA_LONG_UNALIGNED, 16, offset);
            one.set(ValueLayout.JAVA_INT_UNALIGNED, 28, bytes);
            one.set(ValueLayout.JAVA_BYTE, 32, (byte) 1);
        }
        return writes;
    }

    private static void send(FunctionClient to, MemorySegment bytes, int count, int... beside) {
        int socket = to.socket().number();
        assertThat(UnixSocket.send(socket, bytes.address(), count, 0, beside)).isEqualTo(count);
    }

    private FunctionClient connect(Core core, String name) throws Exception {
        FutureTask<FunctionClient> connected =
                new FutureTask<>(() -> FunctionClient.connect(directory.resolve(name)));
        Thread.ofPlatform().daemon().start(connected);
        stepUntil(core, connected::isDone);
        return connected.get();
    }

    /** A read of register 0 that has been sent when this returns. */
    private static FutureTask<Long> ask(FunctionClient client) {
        int socket = client.socket().number();
        int before = UnixSocket.unreadBytes(socket);
        FutureTask<Long> answer = new FutureTask<>(() -> client.read(0, 0, 8));
        Thread.ofPlatform().daemon().start(answer);
        while (UnixSocket.unreadBytes(socket) == before) {
            Thread.onSpinWait();
        }
        return answer;
    }

    private static void stepUntil(Core core, BooleanSupplier done) {
        while (!done.getAsBoolean()) {
            core.step();
        }
    }

    @Test
    void ordersRunOnItsThread() throws Exception {
        try (Core core = new Core("core")) {
            CompletableFuture<String> name = new CompletableFuture<>();
            core.execute(() -> name.complete(Thread.currentThread().getName()));
            assertThat(name).as("before the start").isNotDone();
            core.start();
            assertThat(name.get()).isEqualTo("core");
            core.execute(
                    () -> {
                        throw new IllegalStateException("an order that fails ends nothing");
                    });
            CompletableFuture<Boolean> after = new CompletableFuture<>();
            core.execute(() -> after.complete(true));
            assertThat(after.get()).isTrue();
        }
    }

    private FunctionServer start(String name, Adder adder, FakeEscrow escrow, Core core)
            throws IOException {
        return FunctionServer.start(name, adder, directory.resolve(name), escrow, Map.of(), core);
    }
}
