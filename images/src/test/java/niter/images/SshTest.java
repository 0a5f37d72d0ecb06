package niter.images;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The SSH server, as OpenSSH's client sees it through QEMU's user network. */
@Tag("guest")
@Timeout(300)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SshTest {
    private final Path folder;
    private final int port = freePort();
    private final NetworkedGuest guest;
    private Tool openssh;
    private Path ssh;

    SshTest(@TempDir Path folder) throws IOException {
        this.folder = folder;
        String forward = ",hostfwd=tcp:127.0.0.1:%d-:22".formatted(port);
        guest = new NetworkedGuest(folder, forward, "false");
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    @BeforeAll
    void prepare() throws IOException {
        guest.plug();
        openssh = Tools.ensure(guest.cache(), ProgressListener.NONE, "openssh-client");
        Path key = folder.resolve("key");
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key.toString());
        guest.run("mkdir -m 700 /root/.ssh");
        guest.write("/root/.ssh/authorized_keys", Files.readAllBytes(Path.of(key + ".pub")));
        guest.await("netstat -ltn | grep -q ':22 '");
        ssh = client();
    }

    @AfterAll
    void stop() throws IOException {
        guest.close();
    }

    private Command.Result run(String program, String... arguments) {
        Command.Result result = Command.run(openssh.command(program, arguments), Map.of());
        assertThat(result.status()).describedAs("%s", result.errors()).isZero();
        return result;
    }

    private Command.Result ssh(String... arguments) {
        List<String> command = new ArrayList<>(List.of(ssh.toString()));
        command.addAll(List.of(arguments));
        return Command.run(command, Map.of());
    }

    @Test
    void rootComesInWithAKeyAndTheCommandsStatusComesOut() {
        Command.Result result = ssh("root@instance", "id -u; echo $PATH; exit 7");
        assertThat(result.output())
                .containsExactly(
                        "0", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        assertThat(result.status()).isEqualTo(7);
    }

    @Test
    void aTerminalIsALoginShell() throws Exception {
        Process process = new ProcessBuilder(ssh.toString(), "-tt", "root@instance").start();
        process.getOutputStream().write("tty; exit 3\n".getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush(); // and left open: its end would be the terminal's
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(output).contains("root@ip-10-0-2-15:~# ", "\n/dev/pts/");
        assertThat(process.waitFor()).isEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-s", "-O"}) // SFTP, and what OpenSSH before 9.0 speaks
    void filesAreCopiedThereAndBack(String protocol) throws IOException {
        byte[] bytes = new byte[300_000];
        new SplittableRandom(22).nextBytes(bytes);
        String sent = Files.write(folder.resolve("sent" + protocol), bytes).toString();
        Path got = folder.resolve("got" + protocol);
        run("scp", protocol, "-S", ssh.toString(), sent, "root@instance:/tmp/copy");
        run("scp", protocol, "-S", ssh.toString(), "root@instance:/tmp/copy", got.toString());
        assertThat(got).hasBinaryContent(bytes);
    }

    @Test
    void nothingButAKeyIsTaken() {
        assertThat(ssh("-o", "PubkeyAuthentication=no", "root@instance", "true").errors())
                .last()
                .asString()
                .endsWith("Permission denied (publickey).");
    }

    /** A client that knows the instance by the keys on its console, and has one key itself. */
    private Path client() throws IOException {
        String console = guest.console();
        String begin = "-----BEGIN SSH HOST KEY KEYS-----";
        String keys =
                console.substring(
                        console.indexOf(begin) + begin.length(),
                        console.indexOf("-----END SSH HOST KEY KEYS-----"));
        List<String> known = keys.lines().filter(line -> !line.isEmpty()).toList();
        assertThat(known).hasSize(2);
        assertThat(console)
                .containsPattern("\n256 SHA256:\\S{43} root@\\S+ \\(ED25519\\)\r")
                .contains("-----BEGIN SSH HOST KEY FINGERPRINTS-----");
        Path file = folder.resolve("known");
        Files.write(file, known.stream().map(line -> "instance " + line).toList());
        Path config = folder.resolve("config");
        Files.writeString(
                config,
                """
                Host instance
                HostName 127.0.0.1
                Port %d
                HostKeyAlias instance
                StrictHostKeyChecking yes
                UserKnownHostsFile %s
                GlobalKnownHostsFile none
                IdentityFile %s
                IdentitiesOnly yes
                IdentityAgent none
                BatchMode yes
                """
                        .formatted(port, file, folder.resolve("key")));
        Path script = folder.resolve("ssh");
        String start = String.join(" ", openssh.command("ssh", "-F", config + ""));
        Files.writeString(script, "#!/bin/sh\nexec %s \"$@\"\n".formatted(start));
        assertThat(script.toFile().setExecutable(true)).isTrue();
        return script;
    }
}
