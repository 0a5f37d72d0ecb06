package niter.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A guest's agent over SSH: one that lives for this connection, and passes bytes much faster than
 * the one at the serial port.
 */
final class SshAgent {
    /** A terminal's signals are the command's, which hears of them in frames, and not ssh's. */
    private static final List<String> DEAF =
            List.of("/bin/sh", "-c", "trap '' HUP INT QUIT TERM; exec \"$@\"", "sh");

    private static final String AGENT = "/usr/lib/niter/agent -";
    private static final int MAX_WORDS = 4096;

    private SshAgent() {}

    /**
     * Connects.
     *
     * @throws CliException with what ssh said where no agent answers
     */
    static AgentConnection open(SshTarget target, InstanceStart start) throws IOException {
        List<String> command = new ArrayList<>(DEAF);
        command.add("ssh");
        command.addAll(target.options());
        command.addAll(
                List.of(
                        "-T",
                        "-o",
                        "BatchMode=yes",
                        "-o",
                        "ServerAliveInterval=15",
                        "-l",
                        "root",
                        "-p",
                        Integer.toString(target.port()),
                        target.address(),
                        AGENT));
        Process ssh = new ProcessBuilder(command).start();
        AgentConnection agent =
                new AgentConnection(
                        ssh::destroyForcibly, ssh.getInputStream(), ssh.getOutputStream());
        try {
            agent.awaitReady();
            return agent;
        } catch (IOException e) {
            String words =
                    new String(ssh.getErrorStream().readNBytes(MAX_WORDS), StandardCharsets.UTF_8)
                            .strip();
            agent.close();
            throw new CliException(start.ended(target.instanceId(), "ssh: " + words), e);
        }
    }
}
