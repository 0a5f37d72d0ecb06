package niter.cli;

import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import niter.controller.control.KeeperClient;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.Process;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.ShutDownAnswer;
import niter.controller.northbound.ShutDownRequest;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.LinuxException;
import niter.linux.Processes;
import niter.linux.UnixSocket;

/**
 * The end of all processes of a host: asked of the controller, so that instances are stopped
 * properly; of the keeper where there is no controller. Then waited for, each of them.
 */
final class HostEnd {
    private static final Duration CONTROLLER_PATIENCE = Duration.ofSeconds(10);
    private static final int SHUT_DOWN_SECONDS = 120; // guests have 30 to stop
    private static final int END_MILLIS = 20_000;

    private final StateDirectory state;
    private final Progress progress;

    HostEnd(StateDirectory state, Progress progress) {
        this.state = state;
        this.progress = progress;
    }

    void end() {
        if (!Host.listens(state.keeperSocket(), UnixSocket.Type.SEQPACKET)
                && !Host.listens(state.controllerSocket(), UnixSocket.Type.STREAM)) {
            return;
        }
        progress.waiting("Stopping instances and processes");
        List<Descriptor> running = running();
        try {
            if (!askController()) {
                askKeeper();
            }
            for (Descriptor process : running) {
                if (!ProcessEnd.await(process, END_MILLIS)) {
                    throw new CliException(
                            "a process does not end: niter processes shows it; kill it, then niter"
                                    + " down again");
                }
            }
        } finally {
            running.forEach(Descriptor::close);
        }
    }

    private boolean askController() {
        try (NorthboundChannel channel =
                NorthboundChannel.open(state.controllerSocket(), CONTROLLER_PATIENCE)) {
            ShutDownAnswer answer =
                    channel.blocking()
                            .withDeadlineAfter(SHUT_DOWN_SECONDS, TimeUnit.SECONDS)
                            .shutDown(ShutDownRequest.getDefaultInstance());
            for (String line : answer.getLeftList()) {
                progress.clear();
                System.err.println("niter: " + line);
            }
            return true;
        } catch (StatusRuntimeException e) {
            return false; // it is gone already, or not to be talked to
        }
    }

    private void askKeeper() {
        if (!Host.listens(state.keeperSocket(), UnixSocket.Type.SEQPACKET)) {
            return;
        }
        try (KeeperClient keeper = KeeperClient.connect(state.keeperSocket(), "cli")) {
            keeper.shutDown();
        } catch (IOException e) {
            if (Host.listens(state.keeperSocket(), UnixSocket.Type.SEQPACKET)) {
                throw new CliException(
                        "the keeper does not answer (%s): end the process niter-keeper"
                                .formatted(e.getMessage()),
                        e);
            }
        }
    }

    /** Descriptors of the keeper and of all that it started. */
    private List<Descriptor> running() {
        List<Descriptor> running = new ArrayList<>();
        try (KeeperClient keeper = KeeperClient.connect(state.keeperSocket(), "cli")) {
            for (Process process : keeper.processes()) {
                if (process.getPid() > 0) {
                    add(running, process.getPid());
                }
            }
        } catch (IOException e) {
            return running; // the keeper is ending already
        }
        try (Descriptor socket =
                UnixSocket.connect(state.keeperSocket(), UnixSocket.Type.SEQPACKET)) {
            add(running, UnixSocket.peerPid(socket.number()));
        } catch (LinuxException e) {
            if (e.errno() != Errno.ENOENT && e.errno() != Errno.ECONNREFUSED) {
                throw e;
            }
        }
        return running;
    }

    private static void add(List<Descriptor> running, int pid) {
        try {
            running.add(Processes.pidfd(pid));
        } catch (LinuxException e) {
            if (e.errno() != Errno.ESRCH) {
                throw e;
            }
        }
    }
}
