package niter.cli;

import io.grpc.StatusRuntimeException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import niter.controller.control.StateDirectory;
import niter.controller.northbound.ControllerGrpc.ControllerBlockingStub;
import niter.controller.northbound.Instance;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.RunInstancesRequest;
import niter.images.Engine;
import niter.images.Engines;
import niter.images.Image;
import niter.images.Images;
import niter.linux.Terminal;
import org.jspecify.annotations.Nullable;

/** From nothing to a command in a guest, and back to nothing. */
final class RunSession {
    private static final int BROKEN_PIPE = 128 + 13;

    private final Wish wish;

    /**
     * What instances to make.
     *
     * @param name may be empty
     * @param network what the instances are told, and who may reach them
     */
    record Wish(String image, String type, String name, int count, RunNetwork network) {}

    RunSession(Wish wish) {
        this.wish = wish;
    }

    /** Makes instances that stay; prints their ids. */
    int detached() {
        try (Progress progress = Progress.onStandardError()) {
            Host host = Host.open();
            RunInstancesRequest.Builder request = prepare(host, progress);
            try (NorthboundChannel channel = host.up(progress)) {
                progress.waiting("Starting");
                Launch launch = new Launch(channel.blocking());
                try (Undo terminate = new Undo(launch::terminate)) {
                    List<Instance> made = launch.run(request);
                    terminate.cancel();
                    progress.clear();
                    made.forEach(instance -> System.out.println(instance.getInstanceId()));
                }
            }
        }
        return 0;
    }

    /**
     * Makes an instance for one command, passes its input and output, and terminates the instance,
     * whatever happens.
     */
    int attached(List<byte[]> arguments, boolean withTerminal) {
        try (Progress progress = Progress.onStandardError()) {
            Host host = Host.open();
            RunInstancesRequest.Builder request = prepare(host, progress);
            try (NorthboundChannel channel = host.up(progress)) {
                ControllerBlockingStub controller = channel.blocking();
                Launch launch = new Launch(controller);
                try (Undo _ = new Undo(() -> terminate(launch, progress))) {
                    progress.waitingQuietly("Starting the instance");
                    Instance instance = launch.run(request).getFirst();
                    return command(
                            host.state(), controller, instance, progress, arguments, withTerminal);
                }
            }
        }
    }

    private static void terminate(Launch launch, Progress progress) {
        progress.waitingQuietly("Terminating the instance");
        try {
            launch.terminate();
        } catch (StatusRuntimeException e) {
            throw new CliException("the instance is not terminated: " + ErrorLine.of(e), e);
        } finally {
            progress.clear();
        }
    }

    private static int command(
            StateDirectory state,
            ControllerBlockingStub controller,
            Instance instance,
            Progress progress,
            List<byte[]> arguments,
            boolean withTerminal) {
        InstanceStart start = new InstanceStart(controller);
        try (AgentConnection agent = agent(start, instance, state, controller);
                InstanceEnd _ = InstanceEnd.watch(controller, instance, agent)) {
            progress.clear();
            return converse(agent, arguments, withTerminal);
        } catch (GuestCommand.OutputClosedException e) {
            return BROKEN_PIPE; // as the shell says of a command that SIGPIPE ended
        } catch (GuestCommand.GuestEndedException e) {
            throw new CliException(start.ended(instance.getInstanceId(), e.getMessage() + ""), e);
        } catch (ProtocolException e) {
            throw new CliException(instance.getInstanceId() + ": " + e.getMessage(), e);
        } catch (IOException e) {
            throw new CliException(
                    start.ended(instance.getInstanceId(), "cannot be reached: " + e.getMessage()),
                    e);
        }
    }

    /** By SSH where that leads in, which is faster; else by the serial port. */
    private static AgentConnection agent(
            InstanceStart start,
            Instance instance,
            StateDirectory state,
            ControllerBlockingStub controller)
            throws IOException {
        @Nullable SshTarget target = SshTarget.ifOpen(instance, state, controller);
        @Nullable AgentConnection ssh = target == null ? null : SshAgent.open(target);
        return ssh == null ? start.agent(instance) : ssh;
    }

    private static int converse(AgentConnection agent, List<byte[]> arguments, boolean withTerminal)
            throws IOException {
        GuestCommand.Streams streams =
                new GuestCommand.Streams(
                        new FileInputStream(FileDescriptor.in),
                        new FileOutputStream(FileDescriptor.out),
                        new FileOutputStream(FileDescriptor.err));
        GuestCommand command = new GuestCommand(agent, streams);
        ForwardedSignals.install(command);
        if (!withTerminal) {
            return command.run(new GuestCommand.Request(arguments, null, ""));
        }
        @Nullable String terminal = System.getenv("TERM");
        Terminal.Size size = RawTerminal.size();
        RawTerminal.onResize(now -> ForwardedSignals.resize(command, now));
        try (RawTerminal _ = RawTerminal.open()) {
            return command.run(
                    new GuestCommand.Request(arguments, size, terminal == null ? "" : terminal));
        }
    }

    private RunInstancesRequest.Builder prepare(Host host, Progress progress) {
        Path cache = CacheDirectory.fromEnvironment();
        Image image = Images.ensure(wish.image(), cache, progress);
        Engine engine = Engines.ensure(cache, progress);
        RunInstancesRequest.Builder request = RunInstancesRequest.newBuilder();
        wish.network().addTo(request, host.state());
        return request.setInstanceType(wish.type())
                .setName(wish.name())
                .setCount(wish.count())
                .setImage(message(image))
                .setEngine(message(engine));
    }

    static niter.controller.northbound.Image message(Image image) {
        Path initrd = image.initrd();
        return niter.controller.northbound.Image.newBuilder()
                .setName(image.name())
                .setDigest(image.digest())
                .setKernel(image.kernel().toString())
                .setInitrd(initrd == null ? "" : initrd.toString())
                .setRootDisk(image.rootDisk().toString())
                .setCommandLine(image.commandLine())
                .build();
    }

    static niter.controller.northbound.Engine message(Engine engine) {
        List<String> command = new ArrayList<>(engine.command());
        for (Path directory : engine.firmwareDirectories()) {
            command.add("-L");
            command.add(directory.toString());
        }
        return niter.controller.northbound.Engine.newBuilder()
                .addAllCommand(command)
                .setVersion(engine.version())
                .setKvm(engine.kvm())
                .build();
    }
}
