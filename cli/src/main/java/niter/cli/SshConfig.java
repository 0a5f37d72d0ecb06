package niter.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import niter.controller.control.StateDirectory;
import org.jspecify.annotations.Nullable;

/**
 * For plain ssh, scp and what builds on them: STATE/ssh/config, under which {@code NAME.niter} is
 * an instance. It asks this niter each time for the way and the host keys, so it never is out of
 * date.
 */
final class SshConfig {
    private static final String SUFFIX = ".niter";

    private SshConfig() {}

    /** Writes it, where this niter knows how it was called. */
    static void write(StateDirectory state) {
        @Nullable String dist = System.getenv("NITER_DIST");
        if (dist == null) {
            return;
        }
        Path niter = Path.of(dist).resolve("../../niter").normalize();
        String text =
                """
                # Written by niter up. In ~/.ssh/config: Include %1$s/config
                # Then: ssh NAME.niter, with an instance's name or id.
                Host *%2$s
                    User root
                    IdentityFile "%1$s/key/id_ed25519"
                    IdentitiesOnly yes
                    ProxyCommand /usr/bin/env 'XDG_STATE_HOME=%4$s' '%3$s' ssh --stdio %%n
                    KnownHostsCommand /usr/bin/env "XDG_STATE_HOME=%4$s" "%3$s" ssh --host-keys %%H
                    UserKnownHostsFile none
                    GlobalKnownHostsFile none
                    StrictHostKeyChecking yes
                """
                        .formatted(state.ssh(), SUFFIX, niter, state.root().getParent());
        try {
            AtomicFile.write(state.ssh().resolve("config"), text);
        } catch (IOException e) {
            throw new CliException("ssh_config: " + ErrorLine.reason(e), e);
        }
    }

    /** The instance that a host's name of ssh means. */
    static String instance(String host) {
        return host.endsWith(SUFFIX) ? host.substring(0, host.length() - SUFFIX.length()) : host;
    }

    /** Prints the instance's keys as those of the host that ssh asks for. */
    static void printHostKeys(String host) {
        try {
            for (String line : Files.readAllLines(SshTarget.of(instance(host)).knownHosts())) {
                System.out.println(host + line.substring(line.indexOf(' ')));
            }
        } catch (IOException e) {
            throw new CliException(ErrorLine.reason(e), e);
        }
    }

    /** Standard input and output are the connection, to its end. */
    static void pipe(String host) {
        SshTarget target = SshTarget.of(instance(host));
        try (Socket socket = new Socket(target.address(), target.port());
                InputStream from = socket.getInputStream();
                OutputStream to = socket.getOutputStream()) {
            Thread.ofPlatform().daemon().name("input").start(() -> pass(socket, to));
            byte[] bytes = new byte[1 << 16];
            for (int got = from.read(bytes); got >= 0; got = from.read(bytes)) {
                System.out.write(bytes, 0, got);
                System.out.flush();
            }
        } catch (IOException e) {
            throw new CliException(host + ": " + ErrorLine.reason(e), e);
        }
    }

    private static void pass(Socket socket, OutputStream to) {
        try {
            System.in.transferTo(to);
            socket.shutdownOutput();
        } catch (IOException e) {
            return; // the other direction has ended
        }
    }
}
