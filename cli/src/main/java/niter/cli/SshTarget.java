package niter.cli;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import niter.controller.northbound.ControllerGrpc.ControllerBlockingStub;
import niter.controller.northbound.DescribeInstancesRequest;
import niter.controller.northbound.DescribePortsRequest;
import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceState;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.Port;
import niter.linux.LinuxException;
import niter.linux.Processes;
import org.jspecify.annotations.Nullable;

/**
 * An instance's SSH server, as this host reaches it: through its security groups.
 *
 * @param instanceId also the name under which its host keys are known
 * @param address of this host, where the uplink listens
 * @param knownHosts a file with the instance's host keys
 * @param key a private key that may log in
 */
record SshTarget(String instanceId, String address, int port, Path knownHosts, Path key) {
    private static final int SSH = 22;
    private static final int BANNER_MILLIS = 2000;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /**
     * Finds the way to an instance.
     *
     * @throws CliException names what is missing
     */
    static SshTarget of(String instance) {
        Host host = Host.open();
        try (NorthboundChannel channel = host.connect()) {
            ControllerBlockingStub controller = channel.blocking();
            Instance found =
                    controller
                            .describeInstances(
                                    DescribeInstancesRequest.newBuilder()
                                            .addInstance(instance)
                                            .build())
                            .getInstance(0);
            String id = found.getInstanceId();
            if (found.getState() != InstanceState.RUNNING
                    && found.getState() != InstanceState.PENDING) {
                throw new CliException(
                        "%s is %s: niter start %s"
                                .formatted(instance, States.name(found.getState()), instance));
            }
            Port port = port(controller, found, instance);
            new InstanceStart(controller).running(found);
            return new SshTarget(
                    id,
                    port.getHostAddress(),
                    port.getHostPort(),
                    new HostKeys(host.state(), controller).known(id),
                    SshKey.of(host.state()).privateKey());
        }
    }

    private static Port port(ControllerBlockingStub controller, Instance found, String name) {
        if (found.getPublicIpAddress().isEmpty()) {
            throw new CliException(name + " has no public address: niter console " + name);
        }
        for (Port port :
                controller.describePorts(DescribePortsRequest.getDefaultInstance()).getPortList()) {
            if (port.getInstanceId().equals(found.getInstanceId())
                    && port.getPort() == SSH
                    && port.getProtocol().equals("tcp")) {
                if (port.getProblem().isEmpty()) {
                    return port;
                }
                throw new CliException(name + ": " + port.getProblem() + ": niter ports");
            }
        }
        String group = found.getSecurityGroupCount() == 0 ? "default" : found.getSecurityGroup(0);
        throw new CliException(
                "%1$s: no rule of its security groups opens port 22 to this host: niter sg authorize"
                                .formatted(name)
                        + " %s --protocol tcp --port 22 --source 192.0.0.2/32, or niter console %s"
                                .formatted(group, name));
    }

    /** Waits until the server answers: it may be about to start. */
    SshTarget awaitServer() {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!answers()) {
            if (System.nanoTime() > deadline) {
                throw new CliException(
                        instanceId
                                + ": nobody answers at port 22: niter vpc drops, niter console "
                                + instanceId);
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        return this;
    }

    private boolean answers() {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address, port), BANNER_MILLIS);
            socket.setSoTimeout(BANNER_MILLIS);
            InputStream input = socket.getInputStream();
            return input.read() == 'S'; // SSH-2.0-…
        } catch (IOException e) {
            return false;
        }
    }

    /** Options of OpenSSH's programs that lead here and nowhere else. */
    List<String> options() {
        List<String> options = new ArrayList<>(List.of("-F", "none", "-i", key.toString()));
        for (String option :
                List.of(
                        "IdentitiesOnly=yes",
                        "HostKeyAlias=" + instanceId,
                        "UserKnownHostsFile=\"" + knownHosts + "\"",
                        "GlobalKnownHostsFile=none",
                        "StrictHostKeyChecking=yes",
                        "UpdateHostKeys=no",
                        "LogLevel=ERROR")) {
            options.add("-o");
            options.add(option);
        }
        return options;
    }

    /** Becomes one of OpenSSH's programs. */
    static int become(String program, List<String> arguments) {
        @Nullable Path file = installed(program);
        if (file == null) {
            throw new CliException(program + ": not found: install openssh-client");
        }
        List<String> command = new ArrayList<>(arguments);
        command.addFirst(program);
        List<String> environment = new ArrayList<>();
        System.getenv().forEach((name, value) -> environment.add(name + "=" + value));
        try {
            Processes.execve(file.toString(), command, environment, 3);
        } catch (LinuxException e) {
            throw new CliException(program + ": " + e.getMessage(), e);
        }
        throw new IllegalStateException("there is no return from success");
    }

    /** A program of PATH; null where there is none. */
    static @Nullable Path installed(String program) {
        @Nullable String path = System.getenv("PATH");
        for (String directory : (path == null ? "/usr/bin:/bin" : path).split(":")) {
            Path file = Path.of(directory.isEmpty() ? "." : directory, program);
            if (Files.isExecutable(file)) {
                return file;
            }
        }
        return null;
    }
}
