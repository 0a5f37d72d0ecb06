package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import niter.controller.northbound.Instance;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.RunInstancesRequest;
import niter.images.Engines;
import niter.images.Image;
import niter.images.Images;
import niter.images.ProgressListener;
import niter.linux.Signals;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The adapter under drivers that are not Linux's: iPXE's, which polls it, and DPDK's. */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ForeignDriverTest {
    private static final String IMAGE = "drivers";
    private static final Path CACHE = CacheDirectory.fromEnvironment();
    private static final String ADAPTER = "/sys/bus/pci/devices/0000:00:05.0";
    private static final int FLOWS = 32;
    private static final int PACKETS = 100; // of a flow; of both queues' 16, more than their rings

    /**
     * Sends packets from each of so many ports, one after the other, and wants each back; says when
     * a port is done. Arguments: address, flows, packets of each, their size, how often to try.
     */
    private static final String ECHO =
            """
            use IO::Socket::INET;
            my ($to, $flows, $packets, $size, $tries) = @ARGV;
            for my $port (5000 .. 5000 + $flows - 1) {
                my $socket = IO::Socket::INET->new(
                    Proto => "udp", LocalPort => $port, PeerAddr => "$to:4000") or die $@;
                my $heard = "";
                my $ready = sub {
                    my $set = "";
                    vec($set, fileno($socket), 1) = 1;
                    return select($set, undef, undef, $tries > 1 ? 2 : 60);
                };
                for my $packet (1 .. $packets) {
                    my $sent = substr("$port $packet " x $size, 0, $size);
                    for (my $try = 0; $heard ne $sent; $try++) {
                        $try < $tries or die "no answer to $sent";
                        defined $socket->send($sent) or die "send: $!";
                        $socket->recv($heard, 65536) while $heard ne $sent && $ready->();
                    }
                }
                syswrite STDOUT, "$port\n";
            }
            """;

    private final Path home;
    private final TestHost host;
    private Instance neighbor = Instance.getDefaultInstance();

    ForeignDriverTest(@TempDir Path home) {
        this.home = home;
        host = new TestHost(home);
    }

    @BeforeAll
    void begin() throws IOException {
        host.succeed("up");
        neighbor = run("niter.small", "neighbor");
        configured(neighbor);
    }

    @AfterAll
    void end() throws IOException {
        host.close();
    }

    private Instance run(String type, String name) throws IOException {
        String id =
                host.succeed("run", "-d", "--image", IMAGE, "--type", type, "--name", name).strip();
        return instance(id);
    }

    private Instance instance(String id) {
        return host.instances().stream()
                .filter(one -> one.getInstanceId().equals(id))
                .findFirst()
                .orElseThrow();
    }

    private TestGuest guest(Instance instance) {
        return new TestGuest(host, instance.getInstanceId());
    }

    /** Linux's driver has it, and DHCP has told it its address. */
    private void configured(Instance instance) throws IOException {
        guest(instance).awaitAddress(instance.getPrivateIpAddress());
    }

    /** iPXE is its kernel, and has it fetch Linux from the neighbor. */
    @Test
    void ipxeFetchesAKernelThatRuns() throws IOException {
        Image image = Images.ensure(IMAGE, CACHE, ProgressListener.NONE);
        Path ipxe = home.resolve("ipxe.lkrn");
        host.succeed("cp", "neighbor:/usr/lib/ipxe/ipxe.lkrn", ipxe.toString());
        guest(neighbor).shell("mkdir /srv");
        host.succeed("cp", image.kernel().toString(), "neighbor:/srv/vmlinuz");
        String server = "http://" + neighbor.getPrivateIpAddress();
        guest(neighbor)
                .shell(
                        """
                        cat >/srv/boot.ipxe <<'END'
                        #!ipxe
                        kernel %s/vmlinuz %s driver=${net0/chip} address=${net0/ip} || reboot
                        boot
                        END
                        httpd -h /srv
                        """
                                .formatted(server, image.commandLine()));

        Instance booted = boot(image, ipxe, "dhcp net0 && chain %s/boot.ipxe".formatted(server));
        assertThat(guest(booted).shell("cat /proc/cmdline"))
                .contains("driver=ena-vf", "address=" + booted.getPrivateIpAddress());
        configured(booted); // Linux's driver takes the adapter over
        assertThat(guest(booted).shell("ping -c 2 " + neighbor.getPrivateIpAddress()))
                .contains(" 0% packet loss");
    }

    private Instance boot(Image image, Path kernel, String commandLine) throws IOException {
        RunInstancesRequest.Builder request =
                RunInstancesRequest.newBuilder()
                        .setInstanceType("niter.small")
                        .setCount(1)
                        .setImage(
                                RunSession.message(image).toBuilder()
                                        .setKernel(kernel.toString())
                                        .setCommandLine(commandLine))
                        .setEngine(
                                RunSession.message(Engines.ensure(CACHE, ProgressListener.NONE)));
        try (NorthboundChannel channel =
                NorthboundChannel.open(host.state().controllerSocket(), Duration.ofSeconds(30))) {
            List<Instance> made = new Launch(channel.blocking()).run(request);
            return instance(made.getFirst().getInstanceId());
        }
    }

    /** DPDK polls its queues and, as uio_pci_generic passes no MSI-X, the admin queue too. */
    @Test
    void dpdkServesTwoQueues() throws IOException, InterruptedException {
        Instance instance = run("niter.medium", "dpdk");
        configured(instance);
        TestGuest guest = guest(instance);
        guest.shell(
                """
                echo 64 >/proc/sys/vm/nr_hugepages
                mkdir -p /dev/hugepages
                mount -t hugetlbfs none /dev/hugepages
                modprobe uio
                modprobe uio_pci_generic
                echo 0000:00:05.0 >%s/driver/unbind
                echo 1d0f ec20 >/sys/bus/pci/drivers/uio_pci_generic/new_id
                """
                        .formatted(ADAPTER));
        String dropped = drops(instance);
        TestTalk testpmd =
                new TestTalk(
                        guest,
                        "testpmd> ",
                        "dpdk-testpmd -l 0-1 -m 64 -a 00:05.0,control_path_poll_interval=100 -- -i --no-lsc-interrupt --rxq=2 --txq=2 --rss-udp --enable-rx-cksum --total-num-mbufs=8192 --forward-mode=5tswap"
                                .split(" "));
        assertThat(testpmd.hear()).contains("Port 0: ");
        assertThat(testpmd.say("show port info 0"))
                .contains("Driver name: net_ena", "Current number of RX queues: 2");
        testpmd.say("start");
        echo(instance, PACKETS, 100);
        echo(instance, 3, 8000);
        testpmd.say("stop");
        int expected = FLOWS * (PACKETS + 3);
        String statistics = testpmd.say("show port xstats 0");
        for (String direction : List.of("rx", "tx")) {
            // The device's own, and the driver's for each queue.
            assertThat(number(statistics, direction + "_good_packets"))
                    .isGreaterThanOrEqualTo(expected);
            long first = number(statistics, direction + "_q0_packets");
            long second = number(statistics, direction + "_q1_packets");
            assertThat(first).isPositive();
            assertThat(second).isPositive();
            assertThat(first + second).isGreaterThanOrEqualTo(expected);
        }
        unharmed(statistics);
        assertThat(
                        number(statistics, "rx_q0_l4_csum_good")
                                + number(statistics, "rx_q1_l4_csum_good"))
                .isGreaterThanOrEqualTo(expected);
        assertThat(number(statistics, "conntrack_allowance_available")).isPositive();
        testpmd.say("port stop 0"); // all queues go, and come again
        assertThat(testpmd.say("port start 0")).contains("Port 0: ");
        testpmd.say("start");
        echo(instance, PACKETS, 100);
        assertThat(drops(instance)).isEqualTo(dropped);
        AtomicBoolean killed = new AtomicBoolean();
        Runnable kill =
                () -> {
                    if (!killed.getAndSet(true)) {
                        host.signal("vpc", Signals.SIGKILL);
                    }
                };
        echo(instance, PACKETS, 100, 100, kill);
        assertThat(killed).isTrue();
        testpmd.say("stop");
        unharmed(testpmd.say("show port xstats 0"));
        assertThat(testpmd.end("quit")).isZero();

        guest.shell( // it leaves the adapter as it is, without a reset
                """
                echo 0000:00:05.0 >%s/driver/unbind
                echo 0000:00:05.0 >/sys/bus/pci/drivers/ena/bind
                """
                        .formatted(ADAPTER));
        configured(instance);
        assertThat(guest.shell("ping -c 2 " + neighbor.getPrivateIpAddress()))
                .contains(" 0% packet loss");
    }

    /** The driver saw nothing that it would reset the adapter for. */
    private static void unharmed(String statistics) {
        assertThat(statistics)
                .contains("wd_expired: 0")
                .doesNotContainPattern(
                        "(errors|bad|bad_desc|bad_desc_num|bad_req_id|missed_tx): [1-9]");
    }

    /** The neighbor sends packets to an instance, and each comes back at once. */
    private void echo(Instance to, int packets, int bytes) throws IOException {
        echo(to, packets, bytes, 1, () -> {});
    }

    /** As above, with repetitions; {@code onFlow} runs when all packets of one flow were back. */
    private void echo(Instance to, int packets, int bytes, int tries, Runnable onFlow)
            throws IOException {
        TestHost.Ended ended =
                guest(neighbor)
                        .run(
                                onFlow,
                                "perl",
                                "-e",
                                ECHO,
                                to.getPrivateIpAddress(),
                                Integer.toString(FLOWS),
                                Integer.toString(packets),
                                Integer.toString(bytes),
                                Integer.toString(tries));
        assertThat(ended.status()).as(ended.errors()).isZero();
    }

    /** What of an instance's packets was dropped, and why. */
    private String drops(Instance instance) throws IOException {
        return String.join(
                "\n",
                host.succeed("vpc", "drops")
                        .lines()
                        .filter(line -> line.startsWith(instance.getInstanceId()))
                        .toList());
    }

    private static long number(String statistics, String name) {
        Matcher matcher =
                Pattern.compile("^" + name + ": ([0-9]+)\\s*$", Pattern.MULTILINE)
                        .matcher(statistics);
        assertThat(matcher.find()).as("%s in %s", name, statistics).isTrue();
        return Long.parseLong(matcher.group(1));
    }
}
