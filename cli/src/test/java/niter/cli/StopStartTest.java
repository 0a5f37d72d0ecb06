package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import niter.controller.northbound.InstanceState;
import niter.linux.Signals;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One instance through stop, start, reboot and the end of the host. */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class StopStartTest {
    private static final String CHECK = "md5sum </root/data";

    private final TestHost host;
    private String id = "";
    private TestGuest guest;
    private String sum = "";

    StopStartTest(@TempDir Path home) {
        host = new TestHost(home);
        guest = new TestGuest(host, id);
    }

    @BeforeAll
    void begin() throws IOException {
        id = host.succeed("run", "--detach", "--name", "one").strip();
        guest = new TestGuest(host, id);
        assertThat(id).matches("i-[0-9a-f]{17}");
    }

    @AfterAll
    void end() throws IOException {
        host.close();
    }

    private InstanceState state() {
        return host.instances().stream()
                .filter(instance -> instance.getInstanceId().equals(id))
                .findFirst()
                .orElseThrow()
                .getState();
    }

    @Test
    @Order(1)
    void aGibibyteIsWrittenAndFlushed() throws IOException {
        guest.shell(
                "dd if=/dev/urandom of=/tmp/seed bs=1M count=16 2>/dev/null;"
                        + " i=0; while [ $i -lt 64 ]; do cat /tmp/seed; echo $i; i=$((i+1)); done"
                        + " >/root/data; sync; rm /tmp/seed");
        sum = guest.shell(CHECK);
        assertThat(Long.parseLong(guest.shell("stat -c %s /root/data").strip()))
                .isGreaterThanOrEqualTo(1L << 30);
    }

    /** What a pipe types all arrives, and then the console ends. */
    @Test
    @Order(1)
    void theEndOfInputLeavesTheConsole() throws IOException {
        byte[] typed = "echo typed >/run/typed\n".getBytes(StandardCharsets.UTF_8);
        assertThat(host.start(typed, Map.of(), "console", "one").await().status()).isZero();
        guest.shell("while [ ! -s /run/typed ]; do sleep 0.1; done");
        assertThat(guest.shell("cat /run/typed")).isEqualTo("typed\n");
    }

    @Test
    @Order(2)
    void itIsThereAfterStopAndStart() throws IOException {
        host.succeed("stop", "one");
        assertThat(state()).isEqualTo(InstanceState.STOPPED);
        assertThat(host.pid(id)).isZero();
        host.succeed("start", "one");
        awaitRunning();
        assertThat(guest.shell(CHECK)).isEqualTo(sum);
        assertThat(guest.shell("dmesg")).doesNotContain("recovery", "EXT4-fs error", "I/O error");
    }

    @Test
    @Order(3)
    void aRebootIsInOrderAndTheMachineStays() throws IOException {
        int pid = host.pid(id);
        String boot = guest.shell("cat /proc/sys/kernel/random/boot_id");
        guest.shell("echo kept >/root/reboot");
        CompletableFuture<Void> started = new CompletableFuture<>();
        CompletableFuture<TestHost.Ended> command =
                CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                return guest.run(
                                        () -> started.complete(null),
                                        "sh",
                                        "-c",
                                        "echo started; exec sleep 1000");
                            } catch (IOException e) {
                                throw new CompletionException(e);
                            }
                        },
                        task -> Thread.ofPlatform().daemon().name("command").start(task));
        started.join();
        host.succeed("reboot", "one");
        assertThatThrownBy(command::join).hasMessageContaining("rebooted");
        assertThat(guest.shell("cat /proc/sys/kernel/random/boot_id")).isNotEqualTo(boot);
        assertThat(host.pid(id)).isEqualTo(pid);
        assertThat(guest.shell("cat /root/reboot; dmesg"))
                .startsWith("kept\n")
                .doesNotContain("recovery");
    }

    @Test
    @Order(4)
    void afterDownUpStartsWhatRan() throws IOException {
        host.succeed("down");
        host.succeed("up");
        awaitRunning();
        assertThat(guest.shell("cat /root/reboot")).isEqualTo("kept\n");
    }

    @Test
    @Order(5)
    void afterAKillOfKeeperControllerAndMachineItIsStoppedWithAReason() throws IOException {
        host.signal(id, Signals.SIGSTOP);
        host.signal(id, Signals.SIGKILL);
        while (state() != InstanceState.STOPPED) {
            Thread.onSpinWait();
        }
        assertThat(host.instances().getLast().getStateReason())
                .isEqualTo("Server.InternalError: the hypervisor was killed by SIGKILL");
        assertThat(host.succeed("terminate", "one")).isEqualTo(id + "\n");
        assertThat(host.left()).noneMatch(name -> name.contains("vol-") || name.contains("i-0"));
    }

    private void awaitRunning() {
        while (state() != InstanceState.RUNNING) {
            Thread.onSpinWait();
        }
    }
}
