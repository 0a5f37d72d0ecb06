package niter.keeper;

import static niter.controller.control.protocol.RestartPolicy.RESTART_ALWAYS;
import static niter.controller.control.protocol.RestartPolicy.RESTART_NEVER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperRefusedException;
import niter.controller.control.protocol.Exited;
import niter.controller.control.protocol.KeeperEvent;
import niter.controller.control.protocol.Spawn;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** New builds of a process beside the old, with a real keeper. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KeeperReplaceTest {
    @TempDir Path directory;
    private TestKeeper keeper;
    private KeeperClient client;
    private BlockingQueue<Exited> ends;

    @BeforeEach
    void start() throws IOException {
        keeper = new TestKeeper(directory);
        client = keeper.connect("controller");
        ends = TestKeeper.ends(client);
    }

    @AfterEach
    void stop() {
        keeper.close();
    }

    private Spawn build(String name, String way) {
        List<String> command =
                TestKeeper.java(
                        BuildProcess.class, keeper.state().keeperSocket().toString(), name, way);
        return Spawn.newBuilder()
                .setProcess("ebs")
                .setExecutable(command.getFirst())
                .addAllArguments(command)
                .setLogFile(keeper.state().log("ebs").toString())
                .setRestart(RESTART_ALWAYS)
                .build();
    }

    private int pid() throws IOException {
        return TestKeeper.row(client, "ebs").getPid();
    }

    private void awaitLog(String text) throws IOException {
        while (!keeper.log("ebs").endsWith(text)) {
            Thread.onSpinWait();
        }
    }

    private int first() throws IOException {
        int pid = client.spawn(build("one", "serve"));
        awaitLog("one new\none up\n");
        return pid;
    }

    @Test
    void theNewOneIsGivenWhatWasHeldAndIsStartedAgainFromThenOn() throws Exception {
        int before = first();
        long pauseMs = client.replace(build("two", "serve"));
        assertThat(pauseMs).isNotNegative();
        Exited end = TestKeeper.next(ends, "ebs");
        assertThat(end.getPid()).isEqualTo(before);
        assertThat(end.getHandedOver()).isTrue();
        assertThat(end.getRestarting()).isTrue();
        int after = pid();
        assertThat(after).isPositive().isNotEqualTo(before);
        awaitLog("one lets go\ntwo from one\ntwo up\n");
        KeeperEvent last = client.events().getLast();
        assertThat(last.getServed().getPauseMs()).isEqualTo(pauseMs);
        assertThat(TestKeeper.row(client, "ebs").getRestarts()).isZero();

        TestKeeper.kill(after);
        assertThat(TestKeeper.next(ends, "ebs").getHandedOver()).isFalse();
        awaitLog("two from two\ntwo up\n");
    }

    @Test
    void oneThatDoesNotStartChangesNothing() throws Exception {
        int before = first();
        Spawn missing = build("two", "serve").toBuilder().setExecutable("/no/java").build();
        assertThatThrownBy(() -> client.replace(missing))
                .isInstanceOf(KeeperRefusedException.class)
                .hasMessageContaining("executable: cannot be started");
        Spawn broken = keeper.shell("ebs", RESTART_ALWAYS, "exit 3");
        assertThatThrownBy(() -> client.replace(broken))
                .isInstanceOf(KeeperRefusedException.class)
                .hasMessage("it ended before it served: exit status 3");
        assertThat(pid()).isEqualTo(before);
        assertThat(TestKeeper.lives(before)).isTrue();
        assertThat(ends).isEmpty();
        assertThat(client.replace(build("two", "serve"))).isNotNegative();
        awaitLog("two from one\ntwo up\n");
    }

    @Test
    void oneThatDiesInItsTurnGivesWayToTheOldBuild() throws Exception {
        first();
        assertThatThrownBy(() -> client.replace(build("two", "die")))
                .isInstanceOf(KeeperRefusedException.class)
                .hasMessage("it ended before it served: exit status 7");
        awaitLog("two from one\none from two\none up\n");
    }

    @Test
    void oneThatDoesNotServeInTimeGivesWayToTheOldBuild() throws Exception {
        first();
        assertThatThrownBy(() -> client.replace(build("two", "mute")))
                .isInstanceOf(KeeperRefusedException.class)
                .hasMessage("it did not serve in time");
        awaitLog("two up\none from two\none up\n");
    }

    @Test
    void anOldOneThatDoesNotLetGoIsKilled() throws Exception {
        int before =
                client.spawn(
                        keeper.shell(
                                "ebs",
                                RESTART_ALWAYS,
                                "trap '' TERM; echo deaf; while :; do /bin/sleep 1000000; done"));
        awaitLog("deaf\n");
        client.replace(build("two", "serve"));
        assertThat(TestKeeper.next(ends, "ebs").getSignal()).isEqualTo(9);
        assertThat(pid()).isPositive().isNotEqualTo(before);
    }

    /** The new one ends after the old one was told to go: that one still goes, and comes again. */
    @Test
    void anOldOneThatDoesNotLetGoIsKilledThoughTheNewOneIsGone() throws Exception {
        int before =
                client.spawn(
                        keeper.shell(
                                "ebs",
                                RESTART_ALWAYS,
                                "trap 'echo told' TERM; echo deaf;"
                                        + " while :; do /bin/sleep 1000000 & wait $!; done"));
        awaitLog("deaf\n");
        Spawn two = build("two", "serve");
        CompletableFuture<Long> update =
                CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                return client.replace(two);
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                        });
        awaitLog("told\n");
        String socket = keeper.state().keeperSocket().toString();
        ProcessHandle.allProcesses()
                .filter(
                        process ->
                                process.info().commandLine().orElse("").contains(socket + " two"))
                .forEach(ProcessHandle::destroyForcibly);
        assertThatThrownBy(update::join)
                .hasRootCauseMessage("it ended before it served: killed by signal 9");
        Exited end = TestKeeper.next(ends, "ebs");
        assertThat(end.getPid()).isEqualTo(before);
        assertThat(end.getSignal()).isEqualTo(9);
        assertThat(end.getRestarting()).isTrue();
        assertThat(client.replace(two)).as("nothing is left of it").isNotNegative();
    }

    @Test
    void oneWhoseOldOneEndsMeanwhileWaitsForItsTurn() throws Exception {
        first();
        Thread killer =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    try {
                                        TestKeeper.kill(pid());
                                    } catch (IOException e) {
                                        throw new AssertionError(e);
                                    }
                                });
        assertThat(client.replace(build("two", "serve"))).isNotNegative();
        killer.join();
        awaitLog("two up\n");
    }

    @Test
    void aKeeperThatDiesWhileItIsHandedOverLosesNothing() throws Exception {
        int before = client.spawn(build("one", "wait"));
        awaitLog("one new\none up\n");
        CompletableFuture<Long> update =
                CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                return client.replace(build("two", "serve"));
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                        });
        awaitLog("one up\none lets go\n"); // the keeper waits for its last word
        keeper.kill();
        keeper.start();
        assertThatThrownBy(update::join).hasRootCauseInstanceOf(IOException.class);
        Files.createFile(Path.of(keeper.state().keeperSocket() + ".go"));
        awaitLog("one from one\none up\n");
        assertThat(TestKeeper.lives(before)).isFalse();
        assertThat(keeper.log("ebs")).doesNotContain("two ");
        assertThat(client.replace(build("two", "serve"))).isNotNegative();
        awaitLog("two from one\ntwo up\n");
    }

    @Test
    void whatDoesNotRunIsNotReplaced() throws Exception {
        assertThatThrownBy(() -> client.replace(build("two", "serve")))
                .hasMessage("process: ebs does not run");
        client.spawn(keeper.sleeper("ebs", RESTART_NEVER));
        assertThatThrownBy(() -> client.replace(build("two", "serve")))
                .hasMessage("process: ebs is not one that restarts");
    }
}
