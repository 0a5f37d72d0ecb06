package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two instances with two queue pairs each, of Linux 6.12 and 6.1, under load between them while the
 * VPC card and the controller are killed and drivers change their settings, reset and come and go.
 */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NetworkKillTest {
    private static final Pattern SUM = Pattern.compile("\\[SUM\\].* ([0-9.]+) [KMG]?bits/sec");

    private final TestHost host;
    private Tenant newer;
    private Tenant older;

    NetworkKillTest(@TempDir Path home) {
        host = new TestHost(home);
        newer = new Tenant("", new TestGuest(host, ""), "", "", "");
        older = newer;
    }

    @BeforeAll
    void begin() throws IOException {
        host.succeed("up");
        String first = run("tools");
        String second = run("tools-6.1");
        newer = Tenant.of(host, first);
        older = Tenant.of(host, second);
        older.guest()
                .shell(
                        "iperf3 -s -D; until grep -q ':1451 ' /proc/net/tcp6; do sleep 0.1; done"); // 5201
    }

    private String run(String image) throws IOException {
        return host.succeed("run", "-d", "--type", "niter.medium", "--image", image).strip();
    }

    @AfterAll
    void end() throws IOException {
        host.close();
    }

    private static CompletableFuture<TestHost.Ended> start(Tenant in, String script) {
        return in.guest().start("sh", "-c", script);
    }

    /** What it printed; it must have succeeded. */
    private static String text(CompletableFuture<TestHost.Ended> load) {
        TestHost.Ended ended = load.join();
        assertThat(ended.status()).as(ended.text() + ended.errors()).isZero();
        return ended.text();
    }

    /** Four streams from newer to older. */
    private CompletableFuture<TestHost.Ended> streams(int seconds) {
        return start(
                newer,
                "iperf3 --forceflush -i 1 -P 4 -t %d -c %s".formatted(seconds, older.ipv4()));
    }

    /** All of it went on to its end: the last whole second and the receiver's sum tell of bytes. */
    private static void assertStreamed(CompletableFuture<TestHost.Ended> streams) {
        String text = text(streams);
        assertThat(text).endsWith("iperf Done.\n").doesNotContain("error");
        String[] lines =
                text.lines().filter(line -> line.startsWith("[SUM]")).toArray(String[]::new);
        assertThat(lines).hasSizeGreaterThan(3);
        for (String line : new String[] {lines[lines.length - 4], lines[lines.length - 1]}) {
            Matcher sum = SUM.matcher(line);
            assertThat(sum.find()).as(line).isTrue();
            assertThat(Double.parseDouble(sum.group(1))).as(text).isPositive();
        }
    }

    private static void assertNoComplaint(Tenant tenant) throws IOException {
        assertThat(tenant.guest().shell("dmesg | grep 'ena 0000' || true"))
                .doesNotContain("eset", "timeout", "watchdog", "ailed", "rror");
    }

    /** At least once before it is done. A card that just started is left alone for a while. */
    private void killAtRandomUntil(CompletableFuture<TestHost.Ended> done)
            throws InterruptedException {
        SplittableRandom random = new SplittableRandom(5);
        int met = 0;
        while (!done.isDone()) {
            host.killOnceItServes("vpc");
            met += done.isDone() ? 0 : 1;
            TestHost.idle(random.nextInt(3000)); // at most so long
        }
        text(done);
        assertThat(met).isPositive();
    }

    @Test
    void fourStreamsAndAFloodLiveThroughKills() throws Exception {
        CompletableFuture<TestHost.Ended> streams = streams(30);
        CompletableFuture<TestHost.Ended> flood =
                start(older, "echo; /bin/ping -q -f -w 20 " + newer.ipv4());
        for (int kills = 0; kills < 6; kills++) {
            host.killOnceItServes("vpc");
            host.killOnceItServes("controller");
            assertThat(streams).isNotDone();
            TestHost.idle(2000); // some load
        }
        assertStreamed(streams);
        assertThat(text(flood)).doesNotContain(" 100% packet loss");
        assertThat(older.guest().shell("ping -c 3 " + newer.ipv4())).contains(" 0% packet loss");
        assertNoComplaint(newer);
        assertNoComplaint(older);
    }

    @Test
    void aProbeGoesThroughWhileTheCardIsKilled() throws Exception {
        CompletableFuture<TestHost.Ended> rounds =
                start(
                        older,
                        "for round in 1 2 3 4 5 6 7 8; do echo $round; modprobe -r ena && modprobe ena || exit 1; done");
        killAtRandomUntil(rounds);
        assertReachesAgain(older);
        assertNoComplaint(older);
    }

    /** A function level reset behind the driver's back, which the driver finds out and mends. */
    @Test
    void aResetGoesThroughWhileTheCardIsKilled() throws Exception {
        older.guest()
                .shell(
                        "echo 1 >/sys/class/net/ens5/device/reset; ethtool -S ens5 >/dev/null 2>&1 || true");
        CompletableFuture<TestHost.Ended> reset =
                start(
                        older,
                        "echo; until dmesg | grep -q 'Device reset completed successfully'; do sleep 0.2; done; dmesg -c >/dev/null");
        killAtRandomUntil(reset);
        assertReachesAgain(older);
    }

    /** Its address comes by DHCP again where the interface was new. */
    private void assertReachesAgain(Tenant tenant) throws IOException {
        Tenant again = Tenant.of(host, tenant.id());
        assertThat(again.ipv4() + again.ipv6()).isEqualTo(tenant.ipv4() + tenant.ipv6());
        String other = tenant == older ? newer.ipv4() : older.ipv4();
        assertThat(tenant.guest().shell("ping -c 3 " + other)).contains(" 0% packet loss");
    }

    /**
     * Ten datagrams a second for so long, from each CPU and of ever other ports, so that each
     * transmit queue has one. Linux' driver starts its queues again after a change and leaves what
     * waited for them until the next packet; TCP does not send again what it knows to wait there,
     * so that streams alone could wait for ever.
     */
    private static void nudge(Tenant from, Tenant to, int seconds) throws IOException {
        from.guest()
                .shell(
                        """
                        for cpu in 0 1; do
                            taskset -c $cpu perl -MSocket -e '
                                for (1 .. 10 * %d) {
                                    socket(my $to, PF_INET, SOCK_DGRAM, 0) or die;
                                    send($to, "", 0, pack_sockaddr_in(9, inet_aton("%s")));
                                    select(undef, undef, undef, 0.1);
                                }' </dev/null >/dev/null 2>&1 &
                        done
                        """
                                .formatted(seconds, to.ipv4()));
    }

    @Test
    void streamsGoOnWhileTheDriverChangesItsSettings() throws Exception {
        nudge(newer, older, 60);
        nudge(older, newer, 60);
        CompletableFuture<TestHost.Ended> streams = streams(30);
        String settings =
                """
                for round in 1 2; do
                    %s
                    ethtool -L ens5 combined 1
                    ethtool -G ens5 rx 512 tx 512
                    ethtool -C ens5 adaptive-rx off
                    ethtool -C ens5 rx-usecs 20
                    ethtool -L ens5 combined 2
                    ethtool -G ens5 rx 1024 tx 1024
                    ethtool -C ens5 adaptive-rx on
                done
                """;
        // By SSH, since the agent at the serial port has one command at a time.
        host.succeed(
                "ssh",
                newer.id(),
                "set -e\n"
                        + settings.formatted("ethtool -X ens5 equal 1; ethtool -X ens5 default"));
        older.guest().shell(settings.formatted(":")); // 6.1 refuses each -X itself
        assertThat(streams).isNotDone();
        assertStreamed(streams);
        assertThat(newer.guest().shell("ps -ef | grep -c [p]erl.-MSocket")).isEqualTo("2\n");
        assertThat(older.guest().shell("ps -ef | grep -c [p]erl.-MSocket")).isEqualTo("2\n");
    }

    @Test
    void datagramsArriveWhole() throws IOException {
        String script = TestGuest.script("datagrams.py");
        older.guest()
                .run(
                        "sh",
                        "-c",
                        "python3 -c \"$1\" serve </dev/null >/dev/null 2>&1 &",
                        "",
                        script);
        for (String address : new String[] {older.ipv4(), older.ipv6()}) {
            TestHost.Ended asked = newer.guest().run("python3", "-c", script, "ask", address);
            assertThat(asked.errors()).isEmpty();
            assertThat(asked.text()).isEqualTo("60 datagrams of %s\n".formatted(address));
        }
    }

    @Test
    @Tag("long")
    void aHundredReloads() throws IOException {
        older.guest()
                .shell(
                        "for round in $(seq 100); do modprobe -r ena && modprobe ena || exit 1; done");
        assertReachesAgain(older);
        assertNoComplaint(older);
    }
}
