package niter.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import niter.controller.northbound.DescribeInstancesRequest;
import niter.controller.northbound.Instance;
import niter.controller.northbound.InstanceState;
import niter.controller.northbound.NorthboundChannel;
import niter.linux.Terminal;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes an interface's packets to a file. */
@Command(
        name = "capture",
        mixinStandardHelpOptions = true,
        description = {
            "Write the packets of an instance's interface to a pcapng file.",
            "What the guest sends is shown before any rule, what it gets as it gets it. Goes on over"
                    + " restarts of the card, until Ctrl-C or until the instance ends."
        })
final class VpcCaptureCommand implements Runnable {
    private static final int STANDARD_OUTPUT = 1;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    @Option(
            names = {"-w", "--write"},
            required = true,
            paramLabel = "FILE",
            description = "Where to, - for standard output; replaces what is there.")
    private String file = "";

    @Option(
            names = {"-c", "--count"},
            paramLabel = "PACKETS",
            description = "Stop after so many.")
    private long count = Long.MAX_VALUE;

    @Parameters(paramLabel = "INSTANCE", description = "Id or name.")
    private String instance = "";

    @Override
    public void run() {
        if (count < 1) {
            throw new CliException("--count: expected 1 or more, got " + count);
        }
        Host host = Host.open();
        try (NorthboundChannel channel = host.connect()) {
            Instance found = describe(channel, instance);
            if (!runs(found)) {
                throw new CliException(
                        "%s is %s: niter start %s"
                                .formatted(instance, States.name(found.getState()), instance));
            }
            if (found.getNetworkInterfaceId().isEmpty()) {
                throw new CliException(instance + " has no network interface");
            }
            try (OutputStream output = open()) {
                PacketCapture capture =
                        new PacketCapture(
                                host.state().captureSocket(),
                                found.getNetworkInterfaceId(),
                                output,
                                count);
                ProcessSignals.handle("INT", _ -> capture.stop());
                ProcessSignals.handle("TERM", _ -> capture.stop());
                copy(channel, found.getInstanceId(), capture);
                System.err.println(capture.packets() + " packets captured");
            }
        } catch (IOException e) {
            if (file.equals("-") && "Broken pipe".equals(e.getMessage())) {
                return; // who reads has enough
            }
            String reason = ErrorLine.reason(e); // names the file where that cannot be opened
            throw new CliException(reason.startsWith(file) ? reason : file + ": " + reason, e);
        }
    }

    private OutputStream open() throws IOException {
        if (!file.equals("-")) {
            return Files.newOutputStream(Path.of(file));
        }
        if (Terminal.isTerminal(STANDARD_OUTPUT)) {
            throw new CliException(
                    "-w -: standard output is a terminal: expected a file or a pipe");
        }
        return new FileOutputStream(FileDescriptor.out); // System.out hides its errors
    }

    private static void copy(NorthboundChannel channel, String id, PacketCapture capture)
            throws IOException {
        capture.run();
        while (!capture.isStopped() && runs(describe(channel, id))) {
            LockSupport.parkNanos(PAUSE_NANOS); // the card starts again
            capture.run();
        }
    }

    private static Instance describe(NorthboundChannel channel, String instance) {
        return channel.blocking()
                .describeInstances(
                        DescribeInstancesRequest.newBuilder().addInstance(instance).build())
                .getInstance(0);
    }

    private static boolean runs(Instance found) {
        return found.getState() == InstanceState.RUNNING
                || found.getState() == InstanceState.PENDING
                || found.getState() == InstanceState.STOPPING
                || found.getState() == InstanceState.SHUTTING_DOWN;
    }
}
