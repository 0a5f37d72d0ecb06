package niter.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A guest's agent over SSH: one that lives for this connection, and passes bytes much faster than
 * the one at the serial port.
 */
final class SshAgent {
    /** A terminal's signals are the command's, which hears of them in frames, and not ssh's. */
    private static final List<String> DEAF =
            List.of("/bin/sh", "-c", "trap '' HUP INT QUIT TERM; exec \"$@\"", "sh");

    private static final String AGENT = "/usr/lib/niter/agent -";

    private SshAgent() {}

    /** Connects; null where ssh does not get in. */
    static @Nullable AgentConnection open(SshTarget target) throws IOException {
        List<String> command = new ArrayList<>(DEAF);
        command.add("ssh");
        command.addAll(target.options());
        for (String option :
                List.of(
                        "BatchMode=yes",
                        "ConnectTimeout=30",
                        "ServerAliveInterval=5",
                        "ServerAliveCountMax=6")) {
            command.add("-o");
            command.add(option);
        }
        command.addAll(List.of("-T", "-l", "root", "-p", Integer.toString(target.port())));
        command.addAll(List.of("--", target.address(), AGENT));
        Process ssh =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        Undo end = new Undo(ssh::destroyForcibly); // it ends with this process, however that ends
        AgentConnection agent =
                new AgentConnection(end::close, ssh.getInputStream(), ssh.getOutputStream());
        try {
            agent.awaitReady();
            return agent;
        } catch (IOException e) {
            agent.close();
            return null;
        }
    }
}
