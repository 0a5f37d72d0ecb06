package niter.keeper;

import static niter.controller.control.protocol.RestartPolicy.RESTART_ALWAYS;
import static niter.controller.control.protocol.RestartPolicy.RESTART_NEVER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import niter.controller.control.ControlChannel;
import niter.controller.control.KeeperClient;
import niter.controller.control.KeeperRefusedException;
import niter.controller.control.protocol.FromKeeper;
import niter.controller.control.protocol.Hello;
import niter.controller.control.protocol.Hold;
import niter.controller.control.protocol.ListProcesses;
import niter.controller.control.protocol.Spawn;
import niter.controller.control.protocol.ToKeeper;
import niter.linux.Descriptor;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a keeper holds, and for how long; the keeper's own death. */
class KeeperDescriptorsTest {
    @TempDir Path directory;
    private TestKeeper keeper;

    @BeforeEach
    void start() throws IOException {
        keeper = new TestKeeper(directory);
    }

    @AfterEach
    void stop() {
        keeper.close();
    }

    @Test
    void descriptorsSurviveTheirHolder() throws Exception {
        Path path = directory.resolve("test.sock");
        try (ServerSocketChannel test = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            test.bind(UnixDomainSocketAddress.of(path));
            List<String> command =
                    TestKeeper.java(
                            Holder.class,
                            keeper.state().keeperSocket().toString(),
                            path.toString());
            KeeperClient client = keeper.connect("test");
            int pid =
                    client.spawn(
                            Spawn.newBuilder()
                                    .setProcess("holder")
                                    .setExecutable(command.getFirst())
                                    .addAllArguments(command)
                                    .setLogFile(keeper.state().log("holder").toString())
                                    .setRestart(RESTART_ALWAYS)
                                    .build());
            assertThat(line(test)).isEqualTo("holds, " + pid);
            for (int i = 1; i <= 3; i++) {
                TestKeeper.kill(TestKeeper.row(client, "holder").getPid());
                assertThat(line(test)).isEqualTo("written by " + pid);
                assertThat(TestKeeper.row(client, "holder").getRestarts()).isEqualTo(i);
            }
        }
    }

    private static String line(ServerSocketChannel test) throws IOException {
        try (var reader =
                new BufferedReader(Channels.newReader(test.accept(), StandardCharsets.UTF_8))) {
            return reader.readLine();
        }
    }

    @Test
    void givesBackManyInOrderAndReplacesByKey() throws Exception {
        KeeperClient client = keeper.connect("worker");
        client.spawn(keeper.sleeper("worker", RESTART_ALWAYS));
        Map<String, Descriptor> many = new LinkedHashMap<>();
        for (int i = 0; i < 100; i++) {
            many.put("fn/vol-" + i % 2 + "/" + i, TestKeeper.memory("number " + i));
        }
        client.hold(many);
        try (Descriptor other = TestKeeper.memory("another")) {
            client.hold(Map.of("fn/vol-0/50", other));
        }
        client.release("fn/vol-1/");
        client.close();

        Map<String, String> given = TestKeeper.given(keeper.connect("worker"));
        assertThat(given).hasSize(50);
        given.forEach(
                (key, text) -> {
                    String number = key.substring("fn/vol-0/".length());
                    assertThat(text)
                            .isEqualTo(number.equals("50") ? "another" : "number " + number);
                });
        many.values().forEach(Descriptor::close);
    }

    @Test
    void dropsWhatAnInstanceHeldOnceItEnded() throws Exception {
        KeeperClient instance = keeper.connect("i-1");
        KeeperClient watcher = keeper.connect("test");
        var ends = TestKeeper.ends(watcher);
        int pid = watcher.spawn(keeper.sleeper("i-1", RESTART_NEVER));
        try (Descriptor memory = TestKeeper.memory("x")) {
            instance.hold(Map.of("memory", memory));
        }
        instance.close();
        try (KeeperClient again = keeper.connect("i-1")) {
            assertThat(TestKeeper.given(again)).containsExactly(Map.entry("memory", "x"));
        }
        TestKeeper.kill(pid);
        TestKeeper.next(ends, "i-1");
        assertThat(keeper.connect("i-1").given()).isEmpty();
    }

    @Test
    void holdsForVisitorsOnlyWhileTheyAreConnected() throws Exception {
        KeeperClient visitor = keeper.connect("test");
        try (Descriptor memory = TestKeeper.memory("x")) {
            visitor.hold(Map.of("memory", memory));
        }
        try (KeeperClient second = keeper.connect("test")) {
            assertThat(TestKeeper.given(second)).containsExactly(Map.entry("memory", "x"));
        }
        visitor.close();
        keeper.connect("other").processes(); // its Hello comes after that end
        assertThat(keeper.connect("test").given()).isEmpty();
    }

    @Test
    void aKilledKeeperIsFollowedByOneThatKnowsAll() throws Exception {
        KeeperClient client = keeper.connect("test");
        var ends = TestKeeper.ends(client);
        int worker = client.spawn(keeper.sleeper("worker", RESTART_ALWAYS));
        int instance = client.spawn(keeper.sleeper("i-1", RESTART_NEVER));
        int controller = TestKeeper.row(client, "controller").getPid();
        Descriptor first = TestKeeper.memory("before");
        client.hold(Map.of("first", first));
        first.close();

        keeper.kill();
        keeper.start();
        try (Descriptor second = TestKeeper.memory("after")) {
            holdPatiently(client, Map.of("second", second));
        }

        try (KeeperClient other = keeper.connect("test")) {
            assertThat(TestKeeper.given(other))
                    .containsOnly(Map.entry("first", "before"), Map.entry("second", "after"));
        }
        assertThat(TestKeeper.row(client, "worker").getPid()).isEqualTo(worker);
        assertThat(TestKeeper.row(client, "i-1").getPid()).isEqualTo(instance);
        assertThat(TestKeeper.row(client, "controller").getPid()).isEqualTo(controller);

        TestKeeper.kill(worker); // not its child, and still watched
        assertThat(TestKeeper.next(ends, "worker").getRestarting()).isTrue();
        assertThat(TestKeeper.row(client, "worker").getPid()).isNotIn(0, worker);
        TestKeeper.kill(instance);
        assertThat(TestKeeper.next(ends, "i-1").getRestarting()).isFalse();
    }

    @Test
    void itsClientsStartTheNextKeeperAndOneOfThemWins() throws Exception {
        keeper.connect("test").close();
        Path socket = keeper.state().keeperSocket();
        int controller;
        int next;
        try (KeeperClient one = KeeperClient.connect(socket, "one", keeper.starter()::start);
                KeeperClient two = KeeperClient.connect(socket, "two", keeper.starter()::start);
                Descriptor memory = TestKeeper.memory("x")) {
            controller = TestKeeper.row(one, "controller").getPid();
            one.hold(Map.of("before", memory));
            keeper.kill();
            holdPatiently(two, Map.of("after", memory));
            holdPatiently(one, Map.of("after", memory));
            next = TestKeeper.row(one, "keeper").getPid();
            assertThat(next).isNotEqualTo((int) keeper.process().pid());
            assertThat(TestKeeper.row(two, "keeper").getPid()).isEqualTo(next);
            assertThat(TestKeeper.row(two, "controller").getPid()).isEqualTo(controller);
            assertThat(TestKeeper.given(keeper.connect("one"))).containsOnlyKeys("before", "after");
        }
        keeper.connect("cli").shutDown();
        ProcessHandle.of(next).orElseThrow().onExit().get(30, TimeUnit.SECONDS);
        assertThat(TestKeeper.lives(controller)).isFalse();
    }

    /** A JVM that starts on a busy machine may take longer than one request waits. */
    private static void holdPatiently(KeeperClient client, Map<String, Descriptor> descriptors)
            throws IOException {
        for (int i = 0; i < 10; i++) {
            try {
                client.hold(descriptors);
                return;
            } catch (IOException e) {
                assertThat(e).isNotInstanceOf(KeeperRefusedException.class);
            }
        }
        client.hold(descriptors);
    }

    @Test
    void whatDiesWhileNoKeeperRunsIsStartedByTheNext() throws Exception {
        int worker;
        try (KeeperClient client = keeper.connect("test")) {
            worker = client.spawn(keeper.sleeper("worker", RESTART_ALWAYS));
        }
        keeper.kill();
        TestKeeper.kill(worker);
        keeper.start();
        var row = TestKeeper.row(keeper.connect("test"), "worker");
        assertThat(row.getPid()).isNotIn(0, worker);
        assertThat(row.getLastEnd()).isEqualTo("status unknown: an earlier keeper's child");
    }

    @Test
    void keepsNoDescriptorBeyondItsRelease() throws Exception {
        KeeperClient client = keeper.connect("test");
        Map<String, Descriptor> some = new LinkedHashMap<>();
        for (int i = 0; i < 20; i++) {
            some.put("key-" + i, TestKeeper.memory("x"));
        }
        client.hold(some);
        client.release(some.keySet().toArray(String[]::new));
        long before = keeper.openDescriptors();
        for (int round = 0; round < 200; round++) {
            client.hold(some);
            client.hold(some);
            client.release(some.keySet().toArray(String[]::new));
        }
        assertThat(keeper.openDescriptors()).isEqualTo(before);
        some.values().forEach(Descriptor::close);
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4})
    void malformedPacketsEndOnlyTheirConnection(long seed) throws Exception {
        KeeperClient client = keeper.connect("test");
        client.processes();
        long before = keeper.openDescriptors();
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < 100; i++) {
            byte[] packet = new byte[random.nextInt(1, 300)];
            random.nextBytes(packet);
            if (random.nextBoolean()) {
                packet[0] = (byte) (packet.length - 1); // then the message itself is what is wrong
            }
            Descriptor socket =
                    UnixSocket.connect(keeper.state().keeperSocket(), UnixSocket.Type.SEQPACKET);
            try (ControlChannel peer = new ControlChannel(socket);
                    Descriptor memory = TestKeeper.memory("x")) {
                send(socket, packet, memory);
                ControlChannel.Received<FromKeeper> answer = peer.receive(FromKeeper.parser());
                assertThat(answer).isNull();
            }
        }
        client.processes(); // the keeper has seen all ends by now
        assertThat(keeper.openDescriptors()).isEqualTo(before);
    }

    private static void send(Descriptor socket, byte[] packet, Descriptor beside) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, packet);
            UnixSocket.send(socket.number(), bytes.address(), packet.length, 0, beside.number());
        }
    }

    @Test
    void aRefusedRequestLeavesTheConnectionOpen() throws Exception {
        keeper.connect("test");
        try (ControlChannel channel = ControlChannel.connect(keeper.state().keeperSocket());
                Descriptor memory = TestKeeper.memory("x")) {
            Hello hello = Hello.newBuilder().setProcess("raw").setProtocolVersion(1).build();
            channel.send(ToKeeper.newBuilder().setHello(hello).build());
            assertThat(receive(channel).getGiven().getLast()).isTrue();
            Hold hold = Hold.newBuilder().addKeys("a").addKeys("b").build();
            channel.send(ToKeeper.newBuilder().setId(1).setHold(hold).build(), memory);
            assertThat(receive(channel).getFailed().getMessage()).startsWith("keys: expected one");
            channel.send(ToKeeper.newBuilder().setId(2).build());
            assertThat(receive(channel).getFailed().getMessage()).startsWith("body: expected");
            ListProcesses list = ListProcesses.getDefaultInstance();
            channel.send(ToKeeper.newBuilder().setId(3).setListProcesses(list).build());
            assertThat(receive(channel).getId()).isEqualTo(3);
        }
    }

    @Test
    void aPeerThatDoesNotReadStopsNobody() throws Exception {
        KeeperClient client = keeper.connect("test");
        try (ControlChannel channel = ControlChannel.connect(keeper.state().keeperSocket())) {
            Hello hello = Hello.newBuilder().setProcess("raw").setProtocolVersion(1).build();
            channel.send(ToKeeper.newBuilder().setHello(hello).build());
            ListProcesses list = ListProcesses.getDefaultInstance();
            for (int i = 1; i <= 600; i++) { // more answers than its queue has room for
                channel.send(ToKeeper.newBuilder().setId(i).setListProcesses(list).build());
            }
            assertThat(client.processes()).isNotEmpty();
            assertThat(receive(channel).hasGiven()).isTrue();
            for (int i = 1; i <= 600; i++) { // all there, in order
                assertThat(receive(channel).getId()).isEqualTo(i);
            }
        }
    }

    @Test
    void aNewerOrNamelessPeerIsRefused() throws Exception {
        keeper.connect("test");
        try (ControlChannel channel = ControlChannel.connect(keeper.state().keeperSocket())) {
            Hello hello = Hello.newBuilder().setProcess("raw").setProtocolVersion(2).build();
            channel.send(ToKeeper.newBuilder().setHello(hello).build());
            assertThat(receive(channel).getFailed().getMessage())
                    .isEqualTo("protocol_version: expected 1, got 2");
        }
        assertThatThrownBy(() -> KeeperClient.connect(keeper.state().keeperSocket(), ""))
                .isInstanceOf(KeeperRefusedException.class);
    }

    private static FromKeeper receive(ControlChannel channel) throws IOException {
        ControlChannel.Received<FromKeeper> received = channel.receive(FromKeeper.parser());
        return Objects.requireNonNull(received).message();
    }
}
