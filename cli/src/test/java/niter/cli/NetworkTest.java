package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two instances of one subnet, of Linux 6.12 and 6.1, through stock ena drivers and our VPC card.
 */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NetworkTest {
    private static final Pattern ADDRESS = Pattern.compile("172\\.31\\.[0-9.]+");
    private static final int MEBIBYTES = 256;

    private final TestHost host;
    private TestGuest newer;
    private TestGuest older;
    private String newerAddress = "";
    private String olderAddress = "";

    NetworkTest(@TempDir Path home) {
        host = new TestHost(home);
        newer = new TestGuest(host, "");
        older = newer;
    }

    @BeforeAll
    void begin() throws IOException {
        host.succeed("up");
        String first = run("tools", "newer");
        String second = run("tools-6.1", "older");
        newer = new TestGuest(host, first);
        older = new TestGuest(host, second);
        newerAddress = address(first);
        olderAddress = address(second);
        newer.awaitAddress(newerAddress);
        older.awaitAddress(olderAddress);
    }

    /** In the default group, by which all reach each other, and one of its own. */
    private String run(String image, String group) throws IOException {
        host.succeed("sg", "create", group);
        return host.succeed("run", "-d", "--image", image, "--sg", "default", "--sg", group)
                .strip();
    }

    private String address(String id) throws IOException {
        String line =
                host.succeed("ps").lines().filter(one -> one.startsWith(id)).findFirst().orElse("");
        Matcher matcher = ADDRESS.matcher(line);
        assertThat(matcher.find()).as(line).isTrue();
        return matcher.group();
    }

    @AfterAll
    void end() throws IOException {
        host.close();
    }

    @Test
    void interfacesAreWhatDhcpSays() throws IOException {
        for (TestGuest guest : new TestGuest[] {newer, older}) {
            assertThat(guest.shell("ip link show ens5")).contains("mtu 9001", "LOWER_UP");
            assertThat(guest.shell("ip route")).contains("default via 172.31.0.1 dev ens5");
            assertThat(guest.shell("cat /etc/resolv.conf"))
                    .contains("search ec2.internal", "nameserver 172.31.0.2");
            assertThat(guest.shell("cat /sys/class/net/ens5/device/vendor")).contains("0x1d0f");
            assertThat(guest.shell("cat /sys/class/net/ens5/device/device")).contains("0xec20");
        }
        assertThat(newer.shell("hostname"))
                .isEqualTo("ip-" + newerAddress.replace('.', '-') + "\n");
    }

    @Test
    void packetsOfTheLargestSizePass() throws IOException {
        assertThat(newer.shell("ping -c 5 -s 8973 " + olderAddress)).contains(" 0% packet loss");
        assertThat(older.shell("ping -c 5 -s 8973 " + newerAddress)).contains(" 0% packet loss");
        assertThat(older.shell("ping -c 3 -s 30000 " + newerAddress))
                .as("fragments")
                .contains(" 0% packet loss");
    }

    @Test
    void ipv6IsRoutedWithinTheVpc() throws IOException {
        String newer6 = ipv6(newer, newerAddress);
        String older6 = ipv6(older, olderAddress);
        assertThat(newer.shell("ip -6 route show default")).contains("via fe80::");
        assertThat(newer.shell("ping -c 3 -s 8953 " + older6)).contains(" 0% packet loss");
        assertThat(older.shell("ping -c 3 -s 30000 " + newer6))
                .as("fragments")
                .contains(" 0% packet loss");
        older.shell("nc -l -p 5006 -e cat </dev/null >/dev/null 2>&1 &");
        assertReached(
                true,
                "n=0; until echo x | nc %s 5006 | grep -q x; do n=$((n + 1)); [ $n -lt 30 ]; sleep 1; done"
                        .formatted(older6));
    }

    /** Made from the IPv4 address; DHCPv6 may tell it a little later. */
    private static String ipv6(TestGuest guest, String address) throws IOException {
        String[] parts = address.split("\\.");
        String expected =
                "fd6e:6974:6572::%x:%x"
                        .formatted(
                                Integer.parseInt(parts[0]) << 8 | Integer.parseInt(parts[1]),
                                Integer.parseInt(parts[2]) << 8 | Integer.parseInt(parts[3]));
        guest.shell(
                "n=0; until ip -6 address show ens5 | grep -q '%s/128 scope global *$'; do n=$((n + 1)); [ $n -lt 30 ]; sleep 1; done"
                        .formatted(expected));
        return expected;
    }

    @Test
    void whoTakesLessIsSentLess() throws IOException {
        ipv6(newer, newerAddress);
        older.shell("ip link set ens5 mtu 1500");
        try {
            TestHost.Ended four = newer.run("ping", "-c1", "-Mdo", "-s2000", olderAddress);
            assertThat(four.text() + four.errors()).contains("(mtu = 1500)");
            TestHost.Ended six =
                    newer.run("ping", "-c1", "-Mdo", "-s2000", ipv6(older, olderAddress));
            assertThat(six.text() + six.errors()).contains("mtu=1500");
        } finally {
            older.shell("ip link set ens5 mtu 9001");
            newer.shell("ip route flush cache; ip -6 route flush cache");
        }
        assertThat(host.succeed("vpc", "drops")).contains("too-big");
    }

    @Test
    void tcpComesThroughWhileTheCardIsKilled() throws Exception {
        transfer(newer, older, olderAddress);
        transfer(older, newer, newerAddress);
        for (TestGuest guest : new TestGuest[] {newer, older}) {
            assertThat(guest.shell("dmesg | grep 'ena 0000' || true"))
                    .doesNotContain("Reset", "reset reason", "timeout", "watchdog", "Failed");
        }
    }

    private void transfer(TestGuest from, TestGuest to, String address) throws Exception {
        CompletableFuture<String> received =
                CompletableFuture.supplyAsync(
                        () ->
                                shell(
                                        to,
                                        "nc -l -p 5000 -e sh -c 'sha256sum >/tmp/sum'; cat /tmp/sum"),
                        task -> Thread.ofPlatform().daemon().name("receiver").start(task));
        from.shell(
                "dd if=/dev/urandom of=/var/tmp/sent bs=1M count=%d 2>/dev/null"
                        .formatted(MEBIBYTES));
        CompletableFuture<String> sent =
                CompletableFuture.supplyAsync(
                        () ->
                                shell(
                                        from,
                                        "n=0; until nc %s 5000 </var/tmp/sent; do n=$((n + 1)); [ $n -lt 30 ]; sleep 1; done; sha256sum </var/tmp/sent"
                                                .formatted(address)),
                        task -> Thread.ofPlatform().daemon().name("sender").start(task));
        int kills = 0;
        while (!sent.isDone() && kills < 5) {
            host.killOnceItServes("vpc");
            kills++;
        }
        assertThat(kills).isPositive();
        assertThat(received.get()).isEqualTo(sent.get());
        from.shell("rm /var/tmp/sent");
    }

    private static String shell(TestGuest guest, String script) {
        try {
            return guest.shell(script);
        } catch (IOException e) {
            throw new CompletionException(e);
        }
    }

    @Test
    void securityGroupsLetInWhatTheirRulesSayFromThenOn() throws IOException {
        String[] members = {"default", "--protocol", "all", "--source", "default"};
        sg("revoke", members);
        try {
            for (int port : new int[] {7000, 7001}) { // each answers one after the other
                older.shell(
                        "while nc -l -p %d -e cat; do :; done </dev/null >/dev/null 2>&1 &"
                                .formatted(port));
            }
            assertReached(false, "ping -c 1 -W 1 " + olderAddress);
            assertReached(false, echo(7001));
            assertThat(host.succeed("vpc", "drops")).contains("group-in");

            String[] icmp = {"older", "--protocol", "icmp", "--port", "8", "--source", "newer"};
            String[] tcp = {"older", "--protocol", "tcp", "--port", "7000-7001"};
            String[] fromNewer = {"--source", newerAddress + "/32"};
            sg("authorize", icmp);
            sg("authorize", join(tcp, fromNewer));
            assertReached(true, "ping -c 1 -W 5 " + olderAddress);
            assertReached(true, echo(7001));
            newer.shell(
                    "mkfifo /tmp/talk; sleep 1000 >/tmp/talk 2>/dev/null </dev/null & nc %s 7000 </tmp/talk >/tmp/heard 2>/dev/null &"
                            .formatted(olderAddress));
            newer.shell(say("one"));

            sg("revoke", icmp);
            sg("revoke", join(tcp, fromNewer));
            newer.shell(say("two")); // what was allowed goes on
            assertReached(false, "ping -c 1 -W 1 " + olderAddress);
            assertReached(false, echo(7001));
        } finally {
            sg("authorize", members);
        }
        assertReached(true, echo(7001));
    }

    private void sg(String command, String... rule) throws IOException {
        host.succeed(join(new String[] {"sg", command}, rule));
    }

    private static String[] join(String[] first, String[] second) {
        return Stream.concat(Arrays.stream(first), Arrays.stream(second)).toArray(String[]::new);
    }

    private void assertReached(boolean expected, String command) throws IOException {
        assertThat(newer.run("sh", "-c", command).status() == 0).as(command).isEqualTo(expected);
    }

    /** Succeeds if the older instance answers at a port. */
    private String echo(int port) {
        return "echo x | timeout 5 nc %s %d | grep -q x".formatted(olderAddress, port);
    }

    private static String say(String word) {
        return "echo %1$s >/tmp/talk; n=0; until grep -q %1$s /tmp/heard; do n=$((n + 1)); [ $n -lt 30 ]; sleep 1; done"
                .formatted(word);
    }

    @Test
    void whatIsDroppedIsCountedWithItsReason() throws IOException {
        older.shell("ping -c 1 -W 1 172.31.0.99 || true; ping -c 1 -W 1 169.254.169.123 || true");
        assertThat(host.succeed("vpc", "drops")).contains("no-route", "service");
        // A neighbour that pretends to be another address is not heard.
        older.shell("ip addr add 172.31.0.77/32 dev ens5");
        older.shell("ping -c 1 -W 1 -I 172.31.0.77 %s || true".formatted(newerAddress));
        older.shell("ip addr del 172.31.0.77/32 dev ens5");
        assertThat(host.succeed("vpc", "drops")).contains("spoofed-address");
    }

    @Test
    void theDriverComesAndGoes() throws IOException {
        for (int round = 0; round < 10; round++) {
            older.shell("modprobe -r ena && modprobe ena");
            older.awaitAddress(olderAddress);
        }
        assertThat(older.shell("ping -c 2 " + newerAddress)).contains(" 0% packet loss");
        for (int round = 0; round < 3; round++) {
            newer.shell("ip link set ens5 down && ip link set ens5 up");
        }
        // A renewal brings back what the kernel took with the link: the first may be lost with it.
        newer.shell(
                "n=0; until ip route show | grep -q default && ip -6 address show ens5 | grep -q 'fd6e.* global *$'; do kill -USR1 $(cat /run/udhcpc.ens5); n=$((n + 1)); [ $n -lt 30 ]; sleep 2; done");
        newer.awaitAddress(newerAddress);
        assertThat(older.shell("ping -c 2 " + newerAddress)).contains(" 0% packet loss");
    }

    @Test
    void anAddressIsFreeAgainOnceItsInstanceIsGone() throws IOException {
        String id = host.succeed("run", "--detach").strip();
        String address = address(id);
        host.succeed("terminate", id);
        assertThat(address(host.succeed("run", "--detach").strip())).isEqualTo(address);
    }
}
