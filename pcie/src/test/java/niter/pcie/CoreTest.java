package niter.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import niter.linux.Descriptor;
import niter.linux.EventFd;
import niter.linux.FileIo;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.Test;
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
