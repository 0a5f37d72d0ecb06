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
import niter.controller.control.StateDirectory;
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
            if (found.getState() != InstanceState.RUNNING
                    && found.getState() != InstanceState.PENDING) {
                throw new CliException(
                        "%s is %s: niter start %s"
                                .formatted(instance, States.name(found.getState()), instance));
            }
            Port port = port(controller, found);
            if (port == null) {
                throw new CliException(closed(found, instance));
            }
            SshTarget target = at(port, found, host.state(), controller);
            String problem = target.awaitServer(controller);
            if (!problem.isEmpty()) {
                throw new CliException(instance + ": " + problem);
            }
            return target;
        }
    }

    /** Where a port of this host leads to, once the instance has printed its keys. */
    private static SshTarget at(
            Port port, Instance instance, StateDirectory state, ControllerBlockingStub controller) {
        new InstanceStart(controller).running(instance);
        return new SshTarget(
                instance.getInstanceId(),
                port.getHostAddress(),
                port.getHostPort(),
                new HostKeys(state, controller).known(instance.getInstanceId()),
                SshKey.of(state).privateKey());
    }

    /**
     * The way to an instance, once its server answers; null where this host has no SSH or the
     * instance's rules do not let it in.
     */
    static @Nullable SshTarget ifOpen(
            Instance instance, StateDirectory state, ControllerBlockingStub controller) {
        if (installed("ssh") == null) {
            return null;
        }
        Port port = port(controller, instance);
        if (port == null) {
            return null;
        }
        SshTarget target = at(port, instance, state, controller);
        return target.awaitServer(controller).isEmpty() ? target : null;
    }

    private static @Nullable Port port(ControllerBlockingStub controller, Instance instance) {
        for (Port port :
                controller.describePorts(DescribePortsRequest.getDefaultInstance()).getPortList()) {
            if (port.getInstanceId().equals(instance.getInstanceId())
                    && port.getPort() == SSH
                    && port.getProtocol().equals("tcp")) {
                return port;
            }
        }
        return null;
    }

    private static String closed(Instance instance, String name) {
        if (instance.getPublicIpAddress().isEmpty()) {
            return name + " has no public address: niter console " + name;
        }
        String group =
                instance.getSecurityGroupCount() == 0 ? "default" : instance.getSecurityGroup(0);
        return "%1$s: no rule of its security groups opens port 22 to this host: niter sg authorize"
                        .formatted(name)
                + " %s --protocol tcp --port 22 --source 192.0.0.2/32, or niter console %s"
                        .formatted(group, name);
    }

    /** The server may be about to start. Why it will not answer; empty once it does. */
    private String awaitServer(ControllerBlockingStub controller) {
        InstanceStart start = new InstanceStart(controller);
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!answers()) {
            Port port = port(controller, start.stillRunning(instanceId));
            if (port == null || !port.getProblem().isEmpty()) {
                return (port == null ? "port 22 was closed" : port.getProblem()) + ": niter ports";
            }
            if (System.nanoTime() > deadline) {
                return "nobody answers at port 22: niter vpc drops, niter console " + instanceId;
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        return "";
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
