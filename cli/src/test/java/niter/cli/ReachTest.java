package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import niter.linux.Signals;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Who reaches whom beyond the subnet: SSH through security groups, the link-local services, the
 * world, and the host, which guests do not reach.
 */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReachTest {
    private static final String FETCH =
            "TOKEN=$(curl -sX PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: %s'"
                    + " http://169.254.169.254/latest/api/token); get() { curl -s -o /tmp/body -w"
                    + " '%%{http_code} ' -H \"X-aws-ec2-metadata-token: $1\""
                    + " http://169.254.169.254/latest/$2; cat /tmp/body; };";

    private final TestHost host;
    private final Path home;
    private TestGuest web;
    private TestGuest shut;
    private String webId = "";
    private String shutId = "";

    ReachTest(@TempDir Path home) {
        this.home = home;
        host = new TestHost(home);
        web = new TestGuest(host, "");
        shut = web;
    }

    @BeforeAll
    void begin() throws IOException {
        Path userData = home.resolve("user-data");
        Files.writeString(userData, "#!/bin/sh\necho hello from user data >/tmp/said\n");
        host.succeed("up");
        host.succeed("sg", "create", "shut");
        webId =
                host.succeed(
                                "run",
                                "--detach",
                                "--image",
                                "tools",
                                "--name",
                                "web",
                                "--user-data",
                                userData.toString())
                        .strip();
        shutId =
                host.succeed("run", "-d", "--image", "tools", "--name", "shut", "--sg", "shut")
                        .strip();
        web = new TestGuest(host, webId);
        shut = new TestGuest(host, shutId);
        for (TestGuest guest : new TestGuest[] {web, shut}) {
            await(guest, "[ -s /etc/resolv.conf ]");
        }
    }

    @AfterAll
    void end() throws IOException {
        host.close();
    }

    private String address(String id) {
        return host.instances().stream()
                .filter(one -> one.getInstanceId().equals(id))
                .findFirst()
                .orElseThrow()
                .getPrivateIpAddress();
    }

    // ---- SSH and security groups

    @Test
    void sshAndCopiesGoThroughTheRules() throws IOException {
        assertThat(host.succeed("ssh", "web", "hostname", "&&", "cat", "/tmp/said"))
                .isEqualTo("ip-" + address(webId).replace('.', '-') + "\nhello from user data\n");
        assertThat(host.niter("ssh", "web", "exit", "7").status()).isEqualTo(7);
        assertThat(host.succeed("ssh", "web", "echo", "-l", "-p")).isEqualTo("-l -p\n");
        assertThat(host.succeed("ssh", "web", "--", "echo", "-x")).isEqualTo("-x\n");
        byte[] bytes = new byte[300_000];
        new Random(7).nextBytes(bytes);
        Path file = Files.write(home.resolve("sent"), bytes);
        host.succeed("cp", file.toString(), "web:/tmp/there");
        host.succeed("cp", "web:/tmp/there", home.resolve("back").toString());
        assertThat(Files.readAllBytes(home.resolve("back"))).isEqualTo(bytes);
        assertThat(host.succeed("ports")).contains(webId).doesNotContain(shutId);
    }

    @Test
    void plainSshKnowsInstancesByTheirNames() throws Exception {
        String config = host.state().ssh().resolve("config").toString();
        Process ssh =
                new ProcessBuilder("ssh", "-F", config, "web.niter", "hostname")
                        .redirectErrorStream(true)
                        .start();
        ssh.getOutputStream().close();
        assertThat(new String(ssh.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .isEqualTo("ip-" + address(webId).replace('.', '-') + "\n");
        assertThat(ssh.waitFor()).isZero();
    }

    @Test
    void aRuleOpensAndItsFlowsOutliveIt() throws IOException {
        TestHost.Ended refused = host.niter("ssh", "shut", "true");
        assertThat(refused.status()).isEqualTo(125);
        assertThat(refused.errors())
                .contains("no rule of its security groups opens port 22", "niter sg authorize");
        assertThat(web.run("nc", "-w", "2", address(shutId), "22").status()).isNotZero();
        assertThat(web.run("nc", "-w", "2", "169.254.169.254", "81").status()).isNotZero();
        assertThat(web.run("ping", "-c", "1", "-W", "1", "169.254.169.254").status()).isNotZero();
        assertThat(host.succeed("vpc", "drops")).contains("group-in", "services");
        String rule =
                host.succeed(
                                "sg",
                                "authorize",
                                "shut",
                                "--protocol",
                                "tcp",
                                "--port",
                                "22",
                                "--source",
                                "128.0.0.0/1") // not all addresses: a flow of it is tracked
                        .strip();
        assertThat(web.shell("nc -w 5 %s 22 </dev/null | head -c 4".formatted(address(shutId))))
                .isEqualTo("SSH-");
        assertThat(host.succeed("sg", "list", "shut")).contains(rule, "128.0.0.0/1");
        // A session that is open when its rule goes.
        TestHost.Running session =
                host.start(
                        new byte[0],
                        Map.of(),
                        "ssh",
                        "shut",
                        "touch /tmp/in; until [ -e /tmp/go ]; do sleep 0.2; done; seq 1 20000");
        await(shut, "[ -e /tmp/in ]");
        host.succeed("sg", "revoke", "shut", "--rule", rule);
        shut.shell("touch /tmp/go");
        assertThat(session.await().text()).endsWith("\n20000\n").startsWith("1\n2\n");
        assertThat(host.niter("ssh", "shut", "true").status()).isEqualTo(125);
        assertThat(web.run("nc", "-w", "2", address(shutId), "22").status()).isNotZero();
    }

    @Test
    void aPrefixListLetsInWhoIsInIt() throws IOException {
        String list = host.succeed("prefix-list", "create", "friends").strip();
        String[] rule = {"shut", "--protocol", "tcp", "--port", "22", "--source", list};
        host.succeed(sg("authorize", rule));
        String greet = "nc -w 2 %s 22 </dev/null | head -c 4".formatted(address(shutId));
        assertThat(web.run("sh", "-c", greet).text()).isEmpty();
        host.succeed("prefix-list", "modify", list, "--add", address(webId) + "/32");
        assertThat(web.shell(greet)).isEqualTo("SSH-");
        assertThat(host.succeed("ports")).as("not for callers on the host").doesNotContain(shutId);
        host.succeed("prefix-list", "modify", list, "--add", "192.0.0.2/32");
        assertThat(host.succeed("ssh", "shut", "echo", "in")).isEqualTo("in\n");
        assertThat(host.succeed("prefix-list", "list")).contains(list, "friends", "192.0.0.2/32");
        TestHost.Ended used = host.niter("prefix-list", "delete", list);
        assertThat(used.errors()).startsWith("niter: DependencyViolation: ").hasLineCount(1);
        host.succeed("prefix-list", "modify", list, "--remove", address(webId) + "/32");
        assertThat(web.run("sh", "-c", greet).text()).isEmpty();
        host.succeed(sg("revoke", rule));
        host.succeed("prefix-list", "delete", list);
        assertThat(host.succeed("ports")).doesNotContain(shutId);
    }

    private static String[] sg(String verb, String... options) {
        return Stream.concat(Stream.of("sg", verb), Arrays.stream(options)).toArray(String[]::new);
    }

    @Test
    void aSessionLivesThroughKillsOfTheCard() throws Exception {
        TestHost.Running session =
                host.start(new byte[0], Map.of(), "ssh", "web", "seq 1 400000 | tee /tmp/seq");
        await(web, "[ -s /tmp/seq ]");
        for (int i = 0; i < 3; i++) {
            kill("vpc");
        }
        TestHost.Ended ended = session.await();
        assertThat(ended.errors()).isEmpty();
        assertThat(ended.text().lines().count()).isEqualTo(400_000);
    }

    @Test
    void whateverIsKilledIsBack() throws IOException {
        kill("uplink");
        assertThat(host.succeed("ssh", "web", "echo", "again")).isEqualTo("again\n");
        kill("services");
        await(
                web,
                "curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' -o /dev/null"
                        + " http://169.254.169.254/latest/api/token");
        assertThat(web.shell(FETCH.formatted("60") + " get $TOKEN meta-data/instance-id"))
                .as("without its controller's help")
                .isEqualTo("200 " + webId);
        kill("controller");
        assertThat(host.succeed("ssh", "web", "echo", "again")).isEqualTo("again\n");
    }

    /** Until a test in a guest succeeds; a minute at most, since nothing would end it. */
    private static void await(TestGuest guest, String test) throws IOException {
        guest.shell(
                "n=0; until %s; do n=$((n + 1)); [ $n -lt 300 ]; sleep 0.2; done".formatted(test));
    }

    /** Kills a part and waits until the keeper has another process for it. */
    private void kill(String part) {
        int pid = host.pid(part);
        host.signal(part, Signals.SIGKILL);
        int now = host.pid(part);
        while (now == pid || now == 0) {
            Thread.onSpinWait();
            now = host.pid(part);
        }
    }

    // ---- services

    @Test
    void metadataNeedsATokenOfThisVeryInstance() throws IOException {
        String get = FETCH.formatted("21600");
        assertThat(web.shell(get + "get $TOKEN meta-data/instance-id")).isEqualTo("200 " + webId);
        assertThat(shut.shell(get + "get $TOKEN meta-data/instance-id"))
                .as("whatever its rules")
                .isEqualTo("200 " + shutId);
        assertThat(web.shell(get + "get '' meta-data/instance-id")).startsWith("401 ");
        assertThat(web.shell(get + "get x$TOKEN meta-data/instance-id")).startsWith("401 ");
        String foreign = shut.shell(get + "echo $TOKEN").strip();
        assertThat(foreign).hasSizeGreaterThan(40);
        assertThat(web.shell(get + "get " + foreign + " meta-data/instance-id")).startsWith("401 ");
        assertThat(web.shell(FETCH.formatted("1") + "sleep 2; get $TOKEN meta-data/instance-id"))
                .as("expired")
                .startsWith("401 ");
        assertThat(web.shell(get + "get $TOKEN meta-data/security-groups"))
                .isEqualTo("200 default\nniter-run");
        assertThat(web.shell(get + "get $TOKEN user-data")).contains("echo hello from user data");
        assertThat(shut.shell(get + "get $TOKEN user-data")).startsWith("404 ");
        assertThat(
                        web.shell(
                                "curl -s0 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'"
                                        + " http://169.254.169.254/latest/api/token | wc -c"))
                .as("HTTP/1.0")
                .isNotEqualTo("0\n");
    }

    @Test
    void theTokensAnswerLivesOneHop() throws IOException {
        String seen =
                web.shell(
                        "tcpdump -Z root -lnv -c 40 -i ens5 tcp and src 169.254.169.254 >/tmp/seen 2>/tmp/up"
                                + " & P=$!; until grep -q listening /tmp/up; do kill -0 $P; sleep 0.1; done; "
                                + FETCH.formatted("60")
                                + " get $TOKEN meta-data/ >/dev/null; sleep 1; kill $P; wait $P || true;"
                                + " cat /tmp/seen");
        assertThat(seen).contains("ttl 1,", "ttl 64,");
    }

    @Test
    void namesAndTimeAreTold() throws IOException {
        String name = "ip-" + address(shutId).replace('.', '-');
        assertThat(web.shell("dig +short " + name + ".ec2.internal"))
                .isEqualTo(address(shutId) + "\n");
        assertThat(web.shell("dig +short @169.254.169.253 -x " + address(shutId)))
                .isEqualTo(name + ".ec2.internal.\n");
        assertThat(web.shell("dig +tcp nobody.ec2.internal")).contains("NXDOMAIN");
        assertThat(
                        datagram(
                                "169.254.169.123",
                                123,
                                "\"\\x23\" . \"\\0\" x 47",
                                "length($b), \" \", unpack(\"x C\", $b)"))
                .as("an answer of stratum 3")
                .isEqualTo("48 3");
    }

    // ---- the world

    @Test
    void theWorldIsReachedAndTheHostsLoopbackIsNot() throws Exception {
        InetAddress outside = address();
        try (ServerSocket tcp = new ServerSocket(0, 5, outside);
                DatagramSocket udp = new DatagramSocket(new InetSocketAddress(outside, 0));
                ServerSocket loopback = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            CompletableFuture<String> heard = CompletableFuture.supplyAsync(() -> echo(tcp));
            assertThat(
                            web.shell(
                                    "echo to the world | nc -w 10 %s %d"
                                            .formatted(
                                                    outside.getHostAddress(), tcp.getLocalPort())))
                    .isEqualTo("TO THE WORLD\n");
            assertThat(heard.get()).isEqualTo("to the world\n");
            CompletableFuture<Boolean> asked = CompletableFuture.supplyAsync(() -> echo(udp));
            assertThat(
                            datagram(
                                    outside.getHostAddress(),
                                    udp.getLocalPort(),
                                    "\"by datagram\"",
                                    "$b"))
                    .isEqualTo("by datagram");
            assertThat(asked.get()).isTrue();
            for (String target : new String[] {"192.0.0.2", "192.0.0.1", "127.0.0.1"}) {
                web.shell(
                        "ip route add 127.0.0.1 via 172.31.0.1 2>/dev/null || true; ! nc -w 2 %s %d </dev/null"
                                .formatted(target, loopback.getLocalPort()));
            }
            loopback.setSoTimeout(1);
            assertThat(accepts(loopback)).as("a connection from a guest").isFalse();
        }
    }

    /** Sends a datagram from the guest and prints of the answer, $b, what is asked for. */
    private String datagram(String to, int port, String data, String print) throws IOException {
        return web.shell(
                "perl -e 'socket S, 2, 2, 0; connect S, pack(\"S n C4 x8\", 2, %d, split(/[.]/, \"%s\"));"
                                .formatted(port, to)
                        + " alarm 20; syswrite S, %s; sysread S, $b, 2000; print %s'"
                                .formatted(data, print));
    }

    private static boolean accepts(ServerSocket server) throws IOException {
        try (Socket connection = server.accept()) {
            return connection.isConnected();
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    /** The host's own address beyond loopback, which is as good as any other of the world. */
    private static InetAddress address() throws IOException {
        return NetworkInterface.networkInterfaces()
                .flatMap(NetworkInterface::inetAddresses)
                .filter(one -> one instanceof Inet4Address && !one.isLoopbackAddress())
                .findFirst()
                .orElseThrow(() -> new AssertionError("the host has no address beyond loopback"));
    }

    private static String echo(ServerSocket server) {
        try (Socket socket = server.accept();
                InputStream input = socket.getInputStream();
                OutputStream output = socket.getOutputStream()) {
            byte[] line = new byte[100];
            int got = input.read(line);
            String text = new String(line, 0, Math.max(0, got), StandardCharsets.UTF_8);
            output.write(text.toUpperCase(java.util.Locale.ROOT).getBytes(StandardCharsets.UTF_8));
            return text;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static boolean echo(DatagramSocket server) {
        try {
            DatagramPacket packet = new DatagramPacket(new byte[100], 100);
            server.receive(packet);
            server.send(
                    new DatagramPacket(
                            Arrays.copyOf(packet.getData(), packet.getLength()),
                            packet.getLength(),
                            packet.getSocketAddress()));
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
