package niter.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.stream.Stream;
import niter.controller.control.KeeperClient;
import niter.controller.control.StateDirectory;
import niter.controller.control.StateDirectoryException;
import niter.controller.northbound.NorthboundChannel;
import niter.linux.Descriptor;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.linux.LinuxException;
import niter.linux.UnixSocket;

/** This user's niter on this machine: its state directory, and its processes where it is up. */
final class Host {
    /** How long the controller may be away: it restarts within a second. */
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final StateDirectory state;

    private Host(StateDirectory state) {
        this.state = state;
    }

    /** Opens the state directory. */
    static Host open() {
        try {
            return new Host(StateDirectory.fromEnvironment().open());
        } catch (StateDirectoryException e) {
            throw new CliException(ErrorLine.of(e), e);
        }
    }

    StateDirectory state() {
        return state;
    }

    /** Whether any instance is remembered, up or down. */
    boolean hasInstances() {
        try (Stream<Path> instances = Files.list(state.instances())) {
            return instances.findAny().isPresent();
        } catch (IOException e) {
            throw new CliException(ErrorLine.reason(e), e);
        }
    }

    /** The controller of a niter that is up. */
    NorthboundChannel connect() {
        if (!listens(state.keeperSocket(), UnixSocket.Type.SEQPACKET)
                && !listens(state.controllerSocket(), UnixSocket.Type.STREAM)) {
            throw new CliException("niter is not up: niter up, or niter run");
        }
        return channel();
    }

    /** The keeper of a niter that is up. */
    KeeperClient keeper() throws IOException {
        if (!listens(state.keeperSocket(), UnixSocket.Type.SEQPACKET)) {
            throw new CliException("niter is not up: niter up, or niter run");
        }
        return KeeperClient.connect(state.keeperSocket(), "cli");
    }

    /**
     * Does what only a start makes true.
     *
     * @param what is asked for, as the user says it
     * @throws CliException if niter is up
     */
    void beforeStart(String what, Progress progress, Consumer<StateDirectory> deed) {
        try (Descriptor _ = lock(progress)) {
            if (listens(state.keeperSocket(), UnixSocket.Type.SEQPACKET)) {
                throw new CliException(what + ": niter is up: niter down first");
            }
            deed.accept(state);
        }
    }

    /** Starts what does not run yet; its controller. */
    NorthboundChannel up(Progress progress) {
        try (Descriptor _ = lock(progress)) {
            if (!listens(state.keeperSocket(), UnixSocket.Type.SEQPACKET)) {
                TapUplink.checkChosen(state);
                SshConfig.write(state);
                new KeeperStart(state, progress).start();
            }
        }
        return channel();
    }

    /** Ends everything; when this returns nothing of it is left. */
    void down(Progress progress) {
        try (Descriptor _ = lock(progress)) {
            new HostEnd(state, progress).end();
        }
    }

    private NorthboundChannel channel() {
        return NorthboundChannel.open(state.controllerSocket(), PATIENCE);
    }

    /**
     * One niter starts or ends this host at a time. The lock is the kernel's, on a file that is
     * always there: it ends with its holder.
     */
    private Descriptor lock(Progress progress) {
        Path file = state.root().resolve("version");
        Descriptor lock = FileIo.open(file, FileIo.O_RDWR, 0);
        try {
            if (!FileIo.tryLock(lock.number())) {
                progress.waiting("Waiting for another niter that starts or ends");
                FileIo.lock(lock.number());
            }
            return lock;
        } catch (LinuxException e) {
            lock.close();
            throw e;
        }
    }

    /** Whether somebody listens at a socket. */
    static boolean listens(Path socket, UnixSocket.Type type) {
        try (Descriptor connection = UnixSocket.connect(socket, type)) {
            return connection.number() >= 0;
        } catch (LinuxException e) {
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ECONNREFUSED) {
                return false;
            }
            throw e;
        }
    }
}
