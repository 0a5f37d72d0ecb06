package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceState;
import niter.linux.Processes;
import niter.linux.Signals;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code niter run} from nothing to nothing, as a user sees it. */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RunTest {
    private final TestHost host;

    RunTest(@TempDir Path home) {
        host = new TestHost(home);
    }

    @AfterAll
    void end() throws IOException {
        host.close();
    }

    @Test
    void twoRunsAtTheSameMomentFromNothingBothSucceed() throws IOException {
        TestHost.Running first = host.start(new byte[0], Map.of(), "run", "--", "echo", "one");
        TestHost.Running second = host.start(new byte[0], Map.of(), "run", "--", "echo", "two");
        assertThat(first.await().text()).isEqualTo("one\n");
        assertThat(second.await().text()).isEqualTo("two\n");
        assertNothingIsLeft();
    }

    @Test
    void inputOutputErrorsAndStatusAreTheCommands() throws IOException {
        byte[] bytes = new byte[200_000];
        new SplittableRandom(7).nextBytes(bytes);
        TestHost.Ended ended =
                host.niter(bytes, "run", "--", "sh", "-c", "cat; echo problem >&2; exit 3");
        assertThat(ended.output()).isEqualTo(bytes);
        assertThat(ended.errors()).isEqualTo("problem\n");
        assertThat(ended.status()).isEqualTo(3);
        assertNothingIsLeft();
    }

    /** The agent's command line tells how it was called. */
    @Test
    void sshCarriesItWhereTheRulesLetItInAndElseTheSerialPort() throws IOException {
        String parent = "tr '\\0' ' ' </proc/$PPID/cmdline; cat; exit 7";
        byte[] bytes = new byte[10_000];
        new SplittableRandom(8).nextBytes(bytes);
        TestHost.Ended ssh = host.niter(bytes, "run", "--", "sh", "-c", parent);
        assertSays(ssh, "/usr/bin/perl /usr/lib/niter/agent - ", bytes);
        host.succeed("sg", "create", "closed");
        TestHost.Ended serial =
                host.niter(bytes, "run", "--sg", "closed", "--", "sh", "-c", parent);
        assertSays(serial, "/usr/bin/perl /usr/lib/niter/agent ", bytes);
        assertNothingIsLeft();
    }

    private static void assertSays(TestHost.Ended ended, String text, byte[] bytes) {
        assertThat(ended.errors()).isEmpty();
        assertThat(ended.status()).isEqualTo(7);
        byte[] words = text.getBytes(StandardCharsets.US_ASCII);
        assertThat(ended.output()).startsWith(words).endsWith(bytes);
        assertThat(ended.output()).hasSize(words.length + bytes.length);
    }

    @Test
    void falseIsOne() throws IOException {
        TestHost.Ended ended = host.niter("run", "--", "false");
        assertThat(ended.status()).isEqualTo(1);
        assertThat(ended.errors()).isEmpty();
        assertNothingIsLeft();
    }

    @Test
    void ctrlCReachesTheCommandAndTheInstanceGoes() throws Exception {
        TestHost.Running run =
                host.start(new byte[0], Map.of(), "run", "--", "sh", "-c", "echo up; sleep 1000");
        awaitRunningInstance();
        // The launcher replaced itself by the command: this is the process that a terminal signals.
        while (run.process().isAlive()) {
            Processes.kill((int) run.process().pid(), Signals.SIGINT);
            run.process().waitFor(1, TimeUnit.SECONDS);
        }
        assertThat(run.await().status()).isEqualTo(130);
        assertNothingIsLeft();
    }

    /** From its first milliseconds on; the later of them come when the command has ended. */
    @Test
    void ctrlCAtAnyPointLeavesNothing() throws Exception {
        SplittableRandom random = new SplittableRandom(11);
        for (int n = 0; n < 12; n++) {
            TestHost.Running run = host.start(new byte[0], Map.of(), "run", "--", "sleep", "1");
            run.process().waitFor(random.nextInt(6_000), TimeUnit.MILLISECONDS);
            while (run.process().isAlive()) {
                Processes.kill((int) run.process().pid(), Signals.SIGINT);
                run.process().waitFor(1, TimeUnit.SECONDS);
            }
            assertThat(run.await().status()).isIn(0, 130);
            assertNothingIsLeft();
        }
    }

    private void awaitRunningInstance() throws InterruptedException {
        while (host.pid("keeper") == 0 || host.instances().stream().noneMatch(this::isRunning)) {
            Thread.onSpinWait();
        }
    }

    private boolean isRunning(Instance instance) {
        return instance.getState() == InstanceState.RUNNING;
    }

    @Test
    void aKilledHypervisorIsAReasonAndNotAHang() throws Exception {
        TestHost.Running run =
                host.start(
                        new byte[0],
                        Map.of(),
                        "run",
                        "--",
                        "sh",
                        "-c",
                        "echo runs now >/dev/console; sleep 1000");
        awaitRunningInstance();
        String id =
                host.instances().stream()
                        .filter(this::isRunning)
                        .findFirst()
                        .orElseThrow()
                        .getInstanceId();
        assertHoldsNothingOfOurs(host.pid(id));
        while (!host.succeed("logs", id).contains("runs now")) {
            Thread.onSpinWait();
        }
        host.signal(id, Signals.SIGKILL);
        TestHost.Ended ended = run.await();
        assertThat(ended.status()).isEqualTo(125);
        assertThat(ended.errors())
                .isEqualTo(
                        "niter: %s is stopped: Server.InternalError: the hypervisor was killed by SIGKILL\n"
                                .formatted(id));
        assertNothingIsLeft();
    }

    /** The program that became QEMU leaves it no JAR and no other file of its own. */
    private static void assertHoldsNothingOfOurs(int hypervisor) throws IOException {
        try (var descriptors = Files.list(Path.of("/proc/" + hypervisor + "/fd"))) {
            assertThat(descriptors.map(RunTest::target))
                    .noneMatch(file -> file.endsWith(".jar") || file.endsWith("/modules"));
        }
    }

    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            return ""; // closed meanwhile
        }
    }

    @Test
    void whatCannotBeIsOneLineAnd125() throws IOException {
        assertFails("--image", "nothing", "No image 'nothing'");
        assertFails("--type", "t3.micro", "instance_type: expected one of niter.small");
        assertFails("--name", "no spaces", "name: expected up to 63 letters");
        assertThat(host.niter("run", "--count", "65", "-d").errors())
                .isEqualTo("niter: run: --count 65: expected 1 to 64\n");
        TestHost.Ended many = host.niter("run", "-d", "--type", "niter.large", "--count", "64");
        assertThat(many.status()).isEqualTo(125);
        assertThat(many.errors()).containsPattern("are free on this host, 64 times niter.large");
        assertNothingIsLeft();
    }

    private void assertFails(String option, String value, String message) throws IOException {
        TestHost.Ended ended = host.niter("run", option, value, "--", "true");
        assertThat(ended.status()).isEqualTo(125);
        assertThat(ended.errors()).startsWith("niter: " + message).hasLineCount(1);
        assertThat(ended.output()).isEmpty();
    }

    private void assertNothingIsLeft() throws IOException {
        assertThat(host.instances())
                .allMatch(instance -> instance.getState() == InstanceState.TERMINATED);
        assertThat(host.left()).noneMatch(name -> name.contains("vol-") || name.contains("i-0"));
    }

    @Test
    @Order(Integer.MAX_VALUE)
    void downLeavesNoProcessAndNoSocket() throws IOException {
        int keeper = host.pid("keeper");
        assertThat(keeper).isPositive();
        host.succeed("down");
        assertThat(host.left())
                .containsExactlyInAnyOrder(
                        "events",
                        "network",
                        "public-range",
                        "run/terminated",
                        "ssh/config",
                        "ssh/key/id_ed25519",
                        "ssh/key/id_ed25519.pub",
                        "version");
        String marked = "NITER_PROCESS=" + host.state().root();
        try (var processes = Files.list(Path.of("/proc"))) {
            assertThat(processes.filter(process -> isMarked(process, marked))).isEmpty();
        }
        assertThat(Processes.kill(keeper, 0) && isAlive(keeper)).isFalse();
        assertThat(Files.readString(Path.of("/proc/mounts")))
                .doesNotContain(host.state().root().toString());
    }

    /** A process that has ended may still wait to be reaped by whoever is its parent now. */
    private static boolean isAlive(int pid) throws IOException {
        return !Files.readString(Path.of("/proc", Integer.toString(pid), "stat")).contains(") Z ");
    }

    private static boolean isMarked(Path process, String mark) {
        try {
            return process.getFileName().toString().matches("[0-9]+")
                    && Files.readString(process.resolve("environ"), StandardCharsets.ISO_8859_1)
                            .contains(mark);
        } catch (IOException e) {
            return false; // another user's, or it has just ended
        }
    }
}
