package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import niter.controller.control.KeeperClient;
import niter.controller.control.protocol.Process;
import niter.controller.northbound.Instance;
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

/** A volume that comes to instances that run, and goes. */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
abstract class VolumeTest {
    private static final byte[] NOTHING = {};
    private static final long MIB = 1 << 20;

    private final String image;
    private final TestHost host;
    private TestGuest guest;
    private String id = "";
    private String other = "";
    private String volume = "";

    VolumeTest(String image, Path home) {
        this.image = image;
        host = new TestHost(home);
        guest = new TestGuest(host, "");
    }

    @BeforeAll
    void begin() throws IOException {
        id = host.succeed("run", "-d", "--name", "one", "--image", image).strip();
        other = host.succeed("run", "-d", "--name", "two", "--image", image).strip();
        guest = new TestGuest(host, id);
        guest.shell("true"); // it has found its root disk
        volume = host.succeed("volume", "create", "--size", "1", "--name", "data").strip();
        assertThat(volume).matches("vol-[0-9a-f]{17}");
    }

    @AfterAll
    void end() throws IOException {
        host.close();
    }

    /** Waits in the guest until the volume's disk is there; its name. */
    private String disk(TestGuest in) throws IOException {
        String found =
                in.shell(
                        """
                        n=0
                        until f=$(grep -l %s /sys/class/nvme/*/serial) && \
                            d=/dev/$(basename $(dirname $f))n1 && [ -b $d ]
                        do n=$((n + 1)); [ $n -lt 600 ]; usleep 50000; done 2>/dev/null
                        echo $d"""
                                .formatted(volume.replace("-", "")));
        return found.strip();
    }

    /** As a user sees it: state, instance, device. */
    private String listed() throws IOException {
        return host.succeed("volume", "ls", "data")
                .lines()
                .skip(1)
                .findFirst()
                .orElseThrow()
                .replaceAll(" {2,}", " ")
                .strip();
    }

    @Test
    @Order(1)
    void aVolumeIsAtEc2sSlotWithItsIdAndDeviceName() throws IOException {
        assertThat(listed()).contains(" available");
        assertThat(host.succeed("volume", "attach", "data", "one")).isEqualTo("/dev/sdf\n");
        String disk = disk(guest);
        assertThat(guest.shell("ebsnvme-id " + disk))
                .isEqualTo("Volume ID: %s\n/dev/sdf\n".formatted(volume));
        assertThat(guest.shell("cat /sys/class/nvme/nvme1/address")).isEqualTo("0000:00:1f.0\n");
        assertThat(guest.shell("blockdev --getsize64 " + disk)).isEqualTo((1L << 30) + "\n");
        assertThat(listed()).contains(" in-use " + id + " /dev/sdf");
        assertThat(guest.shell("grep nvme1q1 /proc/interrupts")).contains("MSI");
        guest.shell("mke2fs -q -F %s >/dev/null; mkdir -p /vol".formatted(disk));
        host.succeed("volume", "detach", "data");
        assertThat(listed()).endsWith(" available");
        assertThat(guest.shell("ls /sys/class/nvme")).isEqualTo("nvme0\n");
    }

    /** Attached, mounted, written to and read while it is written to, unmounted, detached. */
    private void cycle(int number) throws IOException {
        host.succeed("volume", "attach", "data", "one");
        String disk = disk(guest);
        String said =
                guest.shell(
                        """
                        mount %s /vol
                        [ %d = 0 ] || md5sum -c /vol/sum >/dev/null
                        i=0; while [ $i -lt 20 ]; do
                            dd if=/dev/urandom of=/vol/file$i bs=64k count=8 conv=fsync 2>/dev/null
                            i=$((i + 1))
                        done &
                        while kill -0 $! 2>/dev/null; do cat /vol/file* >/dev/null || true; done
                        wait $!
                        md5sum /vol/file* >/vol/sum
                        umount /vol
                        cat /sys/class/nvme/nvme1/address"""
                                .formatted(disk, number));
        assertThat(said).isEqualTo("0000:00:1f.0\n"); // the same slot each time
        host.succeed("volume", "detach", "data");
    }

    private static int descriptors(int pid) {
        try (Stream<Path> all = Files.list(Path.of("/proc/" + pid + "/fd"))) {
            return (int) all.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private List<Long> privateBytes(List<String> parts) throws IOException {
        try (KeeperClient keeper = KeeperClient.connect(host.state().keeperSocket(), "test")) {
            Map<String, Long> bytes =
                    keeper.processes().stream()
                            .collect(Collectors.toMap(Process::getName, Process::getPrivateBytes));
            return parts.stream().map(bytes::get).toList();
        }
    }

    private void cycles(int count) throws IOException {
        cycle(0); // what is loaded once
        // The keeper is counted before privateBytes() connects to it.
        List<String> parts = List.of("keeper", "ebs", id);
        List<String> measured = List.of("ebs", id);
        List<Integer> pids = new ArrayList<>();
        List<Integer> before = new ArrayList<>();
        List<Long> memory = List.of();
        for (String part : parts) {
            int pid = part.equals("keeper") ? keeperPid() : host.pid(part);
            pids.add(pid);
            before.add(descriptors(pid));
        }
        int half = (count + 1) / 2; // until then heap and compilers of the card warm up
        for (int i = 1; i <= count; i++) {
            cycle(i);
            if (i == half) {
                memory = privateBytes(measured);
            }
            for (int part = 0; part < parts.size(); part++) {
                // QEMU closes late; a leak runs into the time limit.
                while (descriptors(pids.get(part)) > before.get(part)) {
                    Thread.onSpinWait();
                }
            }
        }
        List<Long> last = privateBytes(measured);
        for (int part = 0; part < measured.size(); part++) {
            String name = measured.get(part);
            long grown = last.get(part) - memory.get(part);
            System.out.printf(
                    "%d cycles: %s has %d descriptors, as before, and %+d KiB after the first %d%n",
                    count, name, before.get(parts.indexOf(name)), grown >> 10, half);
            // The card's heap grows to its limit, which FunctionCyclesTest looks beyond. The
            // guest's own memory is in the second: it fills its page cache.
            assertThat(grown).isLessThan(name.equals("ebs") ? 32 * MIB : 512 * MIB);
        }
        assertThat(guest.shell("dmesg")).doesNotContain("I/O error", "EXT4-fs error", "timeout, ");
    }

    private int keeperPid() throws IOException {
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            String state = host.state().root().toString();
            return processes
                    .filter(one -> one.getFileName().toString().matches("[0-9]+"))
                    .filter(one -> arguments(one).contains(state))
                    .filter(one -> arguments(one).startsWith("niter-keeper"))
                    .mapToInt(one -> Integer.parseInt(one.getFileName().toString()))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static String arguments(Path process) {
        try {
            return Files.readString(process.resolve("cmdline"));
        } catch (IOException e) {
            return ""; // it has ended
        }
    }

    @Test
    @Order(2)
    void attachingAndDetachingLeavesNothingBehind() throws IOException {
        cycles(3);
    }

    @Test
    @Order(3)
    @Tag("long")
    @Timeout(value = 3600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aHundredTimesToo() throws IOException {
        cycles(100);
    }

    @Test
    @Order(4)
    void killsOfCardAndControllerUnderLoadLoseNothing() throws Exception {
        host.succeed("volume", "attach", "data", "one", "--device", "/dev/sdg");
        guest.shell("mount %s /vol".formatted(disk(guest)));
        CompletableFuture<TestHost.Ended> load =
                guest.start("perl", "-e", TestGuest.script("load.pl"), "20", "/vol/load");
        for (int kills = 0; kills < 4; kills++) {
            host.killOnceItServes("ebs");
            host.killOnceItServes("controller");
            assertThat(load).isNotDone();
            TestHost.idle(3000); // spread over the load
        }
        assertThat(load.join().text())
                .matches("started\noperations [0-9]{3,}, errors 0, pause [0-9]+ ms\n");
        assertThat(guest.shell("dmesg")).doesNotContain("I/O error", "EXT4-fs error", "timeout, ");
        assertThat(listed()).contains(" in-use " + id + " /dev/sdg");
    }

    @Test
    @Order(5)
    void itStaysAttachedOverStopAndStart() throws IOException {
        guest.shell("echo kept >/vol/kept; umount /vol");
        host.succeed("stop", "one");
        assertThat(listed()).contains(" in-use " + id + " /dev/sdg");
        host.succeed("start", "one");
        String disk = disk(guest);
        assertThat(guest.shell("ebsnvme-id -b " + disk)).isEqualTo("/dev/sdg\n");
        assertThat(guest.shell("mount %s /vol; cat /vol/kept; umount /vol".formatted(disk)))
                .isEqualTo("kept\n");
    }

    @Test
    @Order(6)
    void aControllerThatIsKilledMeanwhileGoesOn() throws IOException {
        for (String deed : new String[] {"detach", "attach"}) {
            String[] command =
                    deed.equals("attach")
                            ? new String[] {"volume", "attach", "data", "one"}
                            : new String[] {"volume", "detach", "data"};
            TestHost.Running running = host.start(NOTHING, Map.of(), command);
            while (!listed().contains(deed + "ing") && running.process().isAlive()) {
                Thread.onSpinWait();
            }
            host.killOnceItServes("controller");
            TestHost.Ended ended = running.await();
            assertThat(ended.status()).describedAs(ended.errors()).isZero();
        }
        assertThat(guest.shell("mount %s /vol; cat /vol/kept; umount /vol".formatted(disk(guest))))
                .isEqualTo("kept\n");
    }

    @Test
    @Order(7)
    void badInputIsRefusedAsByEc2() throws IOException {
        refused("InvalidVolume.NotFound", "volume", "attach", "vol-0123456789abcdef0", "one");
        refused("InvalidInstanceID.NotFound", "volume", "attach", "data", "i-0123456789abcdef0");
        refused("VolumeInUse", "volume", "attach", "data", "two");
        refused("VolumeInUse", "volume", "rm", "data");
        String root = host.instances().getFirst().getRootVolumeId();
        refused("OperationNotPermitted", "volume", "detach", root);
        refused("InvalidParameterValue: size_gib", "volume", "create", "--size", "0");
        refused("InvalidParameterValue: name", "volume", "create", "--size", "1", "--name", "data");
        String second = host.succeed("volume", "create", "--size", "1").strip();
        refused("IncorrectState", "volume", "detach", second);
        refused(
                "InvalidParameterValue: device",
                "volume",
                "attach",
                second,
                "one",
                "--device",
                "/dev/xvda");
        refused(
                "InvalidParameterValue: device",
                "volume",
                "attach",
                second,
                "one",
                "--device",
                "/dev/xvdf"); // as sdf
        host.succeed("volume", "rm", second);
        refused("InvalidVolume.NotFound", "volume", "ls", second);
    }

    private void refused(String code, String... command) throws IOException {
        TestHost.Ended ended = host.niter(command);
        assertThat(ended.status()).isEqualTo(NiterMain.FAILURE);
        assertThat(ended.errors()).contains(code).hasLineCount(1);
    }

    @Test
    @Order(8)
    void aForcedDetachUnderWritesIsTheGuestsErrorAndNoMore() throws IOException {
        CompletableFuture<TestHost.Ended> writer =
                guest.start(
                        "sh",
                        "-c",
                        "mount %s /vol; echo started; while dd if=/dev/zero of=/vol/big bs=64k count=100 conv=fsync 2>&1; do :; done; umount /vol; echo ended"
                                .formatted(disk(guest)));
        host.succeed("volume", "detach", "data", "--force");
        assertThat(writer.join().text()).endsWith("ended\n");
        assertThat(listed()).endsWith(" available");
        assertThat(guest.shell("dmesg")).contains("I/O error");
        assertThat(state(id).getState()).isEqualTo(InstanceState.RUNNING);
        // It goes to the other, whose file system makes good what was cut off.
        host.succeed("volume", "attach", "data", "two");
        TestGuest two = new TestGuest(host, other);
        assertThat(
                        two.shell(
                                "mkdir -p /vol; mount %s /vol; cat /vol/kept; umount /vol"
                                        .formatted(disk(two))))
                .isEqualTo("kept\n");
    }

    private Instance state(String instance) {
        return host.instances().stream()
                .filter(one -> one.getInstanceId().equals(instance))
                .findFirst()
                .orElseThrow();
    }

    /** QEMU cannot let go of a function of whose MSI-X it knows. */
    @Test
    @Order(9)
    void aGuestThatEjectsItsRootDiskEndsOnlyItself() throws IOException {
        int pid = host.pid(other);
        CompletableFuture<TestHost.Ended> last =
                guest.start("sh", "-c", "echo going; echo 0 >/sys/bus/pci/slots/4/power");
        while (state(id).getState() != InstanceState.STOPPED) {
            Thread.onSpinWait();
        }
        last.exceptionally(_ -> new TestHost.Ended(0, NOTHING, "")).join();
        assertThat(state(id).getStateReason())
                .startsWith("Server.InternalError: the hypervisor was killed by SIGABRT: ");
        assertThat(host.pid(other)).isEqualTo(pid);
        assertThat(new TestGuest(host, other).shell("echo goes on")).isEqualTo("goes on\n");
        host.succeed("start", "one");
        assertThat(guest.shell("echo back")).isEqualTo("back\n");
    }

    @Test
    @Order(10)
    void aVolumeOutlivesItsInstance() throws IOException {
        host.succeed("terminate", "two");
        assertThat(listed()).endsWith(" available");
        assertThat(host.left()).contains("volumes/" + volume);
        host.signal("controller", Signals.SIGKILL);
        assertThat(listed()).endsWith(" available"); // after a restart, too
        host.succeed("volume", "rm", "data");
        assertThat(host.left()).noneMatch(name -> name.contains(volume));
    }
}
