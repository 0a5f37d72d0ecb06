package niter.keeper;

import static niter.controller.control.protocol.RestartPolicy.RESTART_ALWAYS;
import static niter.controller.control.protocol.RestartPolicy.RESTART_NEVER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.stream.Stream;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperRefusedException;
import niter.controller.control.protocol.Exited;
import niter.controller.control.protocol.Spawn;
import niter.linux.Descriptor;
import niter.linux.Signals;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A keeper and real processes. */
class KeeperProcessesTest {
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

    @Test
    void saysReadyWhenTheControllerWatchesAndLetsGoOfItsPipes() throws IOException {
        try (var output = keeper.process().getInputStream();
                var error = keeper.process().getErrorStream()) {
            assertThat(output.readAllBytes()).asString().isEqualTo("ready\n"); // to the end
            error.readAllBytes();
        }
        assertThat(TestKeeper.row(client, "keeper").getPid()).isEqualTo(keeper.process().pid());
        assertThat(Path.of("/proc/" + keeper.process().pid() + "/comm")).hasContent("niter-keeper");
    }

    @Test
    void tellsHowAProcessEnded() throws Exception {
        int first = client.spawn(keeper.shell("i-1", RESTART_NEVER, "exit 3"));
        Exited byItself = TestKeeper.next(ends, "i-1");
        assertThat(byItself.getPid()).isEqualTo(first);
        assertThat(byItself.getExitStatus()).isEqualTo(3);
        assertThat(byItself.getRestarting()).isFalse();
        assertThat(TestKeeper.row(client, "i-1").getLastEnd()).isEqualTo("exit status 3");

        client.spawn(keeper.shell("i-1", RESTART_NEVER, "kill -9 $$")); // the name is free again
        Exited killed = TestKeeper.next(ends, "i-1");
        assertThat(killed.getExitStatus()).isEqualTo(-1);
        assertThat(killed.getSignal()).isEqualTo(Signals.SIGKILL);
        var row = TestKeeper.row(client, "i-1");
        assertThat(row.getLastEnd()).isEqualTo("killed by signal 9");
        assertThat(row.getPid()).isZero();
    }

    @Test
    void givesNameInputOutputEnvironmentAndDescriptors() throws Exception {
        Spawn spawn =
                keeper
                        .shell("i-1", RESTART_NEVER, "cat; echo $0 $COLOUR; cat <&3; cat <&4 >&2")
                        .toBuilder()
                        .addEnvironment("COLOUR=a=b")
                        .build();
        try (Descriptor third = TestKeeper.memory("third ");
                Descriptor fourth = TestKeeper.memory("fourth")) {
            client.spawn(spawn, third, fourth);
        }
        TestKeeper.next(ends, "i-1");
        assertThat(keeper.log("i-1")).isEqualTo("niter-i-1 a=b\nthird fourth");
    }

    @Test
    void beginsANewLogWhenTheOldOneIsLarge() throws Exception {
        Path log = keeper.state().log("i-1");
        Files.write(log, new byte[(int) LogFile.MAX_BYTES]);
        client.spawn(keeper.shell("i-1", RESTART_NEVER, "echo new"));
        TestKeeper.next(ends, "i-1");
        client.spawn(keeper.shell("i-1", RESTART_NEVER, "echo more"));
        TestKeeper.next(ends, "i-1");
        assertThat(log).hasContent("new\nmore\n");
        assertThat(log.resolveSibling("i-1.log.1")).hasSize(LogFile.MAX_BYTES);
    }

    @Test
    void boundsTheLogOfAProcessThatRuns() throws Exception {
        Path log = keeper.state().log("i-1");
        String script =
                "head -c 3000000 /dev/zero; echo last;"
                        + " until [ $(stat -c %%s %1$s) -lt 1000000 ]; do sleep 0.1; done; echo new";
        client.spawn(keeper.shell("i-1", RESTART_NEVER, script.formatted(log)));
        assertThat(TestKeeper.next(ends, "i-1").getExitStatus()).isZero();
        assertThat(log).hasContent("new\n");
        Path before = log.resolveSibling("i-1.log.1");
        assertThat(before).hasSize(LogFile.MAX_BYTES);
        assertThat(Files.readString(before)).endsWith("\0last\n");
    }

    @Test
    void refusesWithTheFieldAndWhatWasExpected() throws Exception {
        client.spawn(keeper.sleeper("worker", RESTART_ALWAYS));
        Spawn good = keeper.sleeper("other", RESTART_ALWAYS);
        assertRefused(keeper.sleeper("worker", RESTART_NEVER), "process: worker runs already");
        assertRefused(good.toBuilder().setProcess("../x").build(), "process: expected");
        assertRefused(good.toBuilder().setExecutable("sh").build(), "executable: expected");
        assertRefused(good.toBuilder().setExecutable("/no").build(), "executable: cannot");
        assertRefused(good.toBuilder().clearArguments().build(), "arguments: expected");
        assertRefused(good.toBuilder().addArguments("a\0b").build(), "without zero characters");
        assertRefused(good.toBuilder().addEnvironment("X").build(), "environment: expected");
        assertThatThrownBy(() -> client.kill("nobody", Signals.SIGTERM, false))
                .isInstanceOf(KeeperRefusedException.class)
                .hasMessage("process: nobody does not run");
        try (Descriptor memory = TestKeeper.memory("x")) {
            assertThatThrownBy(() -> client.spawn(good, memory))
                    .isInstanceOf(KeeperRefusedException.class)
                    .hasMessageStartingWith("restart: expected RESTART_NEVER");
        }
        assertThat(client.processes()).extracting("name").doesNotContain("other");
    }

    @Test
    void startsNothingThatItsSuccessorCouldNotKnowOf() throws Exception {
        client.spawn(keeper.shell("i-1", RESTART_NEVER, "exit 3"));
        TestKeeper.next(ends, "i-1");
        TestKeeper.row(client, "i-1"); // asked after that end is in the table
        Path written = Files.createDirectory(keeper.state().run().resolve("keeper.table.new"));
        String reason = "cannot be remembered: " + written;
        assertRefused(keeper.sleeper("i-1", RESTART_NEVER), "process: i-1 " + reason);
        assertRefused(keeper.sleeper("worker", RESTART_ALWAYS), "process: worker " + reason);
        assertThat(TestKeeper.row(client, "i-1").getLastEnd()).isEqualTo("exit status 3");
        assertThat(client.processes()).extracting("name").doesNotContain("worker");
        Files.delete(written); // there is room again
        assertThat(client.spawn(keeper.sleeper("worker", RESTART_ALWAYS))).isPositive();
    }

    private void assertRefused(Spawn spawn, String message) {
        assertThatThrownBy(() -> client.spawn(spawn))
                .isInstanceOf(KeeperRefusedException.class)
                .hasMessageContaining(message);
    }

    @Test
    void restartsWhatIsToLiveAndCounts() throws Exception {
        int first = client.spawn(keeper.sleeper("worker", RESTART_ALWAYS));
        TestKeeper.kill(first);
        Exited end = TestKeeper.next(ends, "worker");
        assertThat(end.getRestarting()).isTrue();
        var row = TestKeeper.row(client, "worker"); // asked after the restart, which is at once
        assertThat(row.getPid()).isNotIn(0, first);
        assertThat(row.getRestarts()).isEqualTo(1);
        assertThat(row.getPrivateBytes()).isPositive();

        client.kill("worker", Signals.SIGTERM, true);
        Exited last = TestKeeper.next(ends, "worker");
        assertThat(last.getRestarting()).isFalse();
        assertThat(client.processes()).extracting("name").doesNotContain("worker");
    }

    @Test
    void restartsAgainAndAgainWhatEndsAtOnce() throws Exception {
        client.spawn(keeper.shell("worker", RESTART_ALWAYS, "exit 1"));
        for (int i = 0; i < 7; i++) {
            assertThat(TestKeeper.next(ends, "worker").getRestarting()).isTrue();
        }
        client.kill("worker", Signals.SIGKILL, true);
        client.kill("worker", Signals.SIGKILL, true); // forgetting twice is no error
    }

    @Test
    void allMayDieAtOneMoment() throws Exception {
        List<String> names = new ArrayList<>();
        Set<Integer> pids = new HashSet<>();
        for (int i = 0; i < 20; i++) {
            names.add("worker-" + i);
            pids.add(client.spawn(keeper.sleeper("worker-" + i, RESTART_ALWAYS)));
        }
        pids.forEach(TestKeeper::kill);
        for (int i = 0; i < names.size(); i++) {
            assertThat(ends.take().getSignal()).isEqualTo(Signals.SIGKILL);
        }
        Set<Integer> next = new HashSet<>();
        for (String name : names) {
            next.add(TestKeeper.row(client, name).getPid());
        }
        assertThat(next).hasSameSizeAs(pids).doesNotContainAnyElementsOf(pids).doesNotContain(0);
    }

    @Test
    void aSecondKeeperLeavesWithALine() throws Exception {
        Process second = keeper.launch();
        byte[] said = second.getErrorStream().readAllBytes();
        assertThat(second.waitFor()).isEqualTo(1);
        assertThat(new String(said, StandardCharsets.UTF_8))
                .isEqualTo(
                        "niter-keeper: %s: another keeper runs already\n"
                                .formatted(keeper.state().root()));
        assertThat(client.processes()).isNotEmpty();
    }

    @Test
    void shutDownLeavesNothing() throws Exception {
        List<Integer> pids = new ArrayList<>();
        pids.add(TestKeeper.row(client, "controller").getPid());
        pids.add(client.spawn(keeper.sleeper("worker", RESTART_ALWAYS)));
        pids.add(client.spawn(keeper.sleeper("i-1", RESTART_NEVER)));
        client.spawn(
                keeper.shell("i-2", RESTART_NEVER, "/bin/sleep 1000000 & echo $!")); // an orphan
        TestKeeper.next(ends, "i-2");
        pids.add(Integer.parseInt(keeper.log("i-2").strip()));
        Files.createFile(keeper.state().downMark());
        Files.createFile(keeper.state().controllerSocket()); // as one that was killed leaves it
        assertThat(pids).allMatch(TestKeeper::lives);

        assertThat(keeper.shutDown()).isZero();

        assertThat(pids).noneMatch(TestKeeper::lives);
        try (Stream<Path> left = Files.list(keeper.state().run())) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void theMarkOfAShutDownOutlivesAKeeperAndNothingElse() throws Exception {
        Path mark = keeper.state().downMark();
        Files.createFile(mark); // the controller does
        keeper.kill();
        keeper.start();
        keeper.connect("cli");
        assertThat(mark).exists();
        assertThat(keeper.shutDown()).isZero();
        assertThat(mark).doesNotExist();

        Files.createFile(mark); // as a reboot in the middle leaves it
        keeper.start();
        keeper.connect("cli");
        assertThat(mark).doesNotExist();
    }

    @Test
    void sigtermIsAShutDown() throws Exception {
        int pid = client.spawn(keeper.sleeper("worker", RESTART_ALWAYS));
        keeper.process().destroy();
        keeper.process().waitFor();
        assertThat(TestKeeper.lives(pid)).isFalse();
        try (Stream<Path> left = Files.list(keeper.state().run())) {
            assertThat(left).isEmpty();
        }
    }
}
