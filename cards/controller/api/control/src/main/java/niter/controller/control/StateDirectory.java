package niter.controller.control;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where one host's state lies. Everything in it belongs to one user and is closed to all others
 * (0700).
 *
 * <pre>
 * version             what wrote this directory: "1"
 * run/                sockets, the keeper's lock and table; nothing that outlives a reboot
 * volumes/vol-…       sparse files
 * instances/i-…/      one directory per instance
 * logs/               one file per process, begun anew from 1 MiB on, and NAME.log.1 before it
 * ssh/                the key that logs in to instances, and their host keys
 * network             security groups
 * events              what died and what became of it, and events.1 before it
 * public-range        which of the host's loopback addresses are instances'
 * </pre>
 */
public final class StateDirectory {
    /** The layout that this code reads and writes. */
    public static final int VERSION = 1;

    private static final int SOCKET_PATH_BYTES = 107; // unix(7): sun_path, and its end
    private static final String LONGEST_ID = "i-0123456789abcdef0";

    private final Path root;

    private StateDirectory(Path root) {
        this.root = root.toAbsolutePath().normalize();
    }

    /** The state directory at a path, which need not exist yet. */
    public static StateDirectory of(Path root) {
        return new StateDirectory(root);
    }

    /** The user's: {@code $XDG_STATE_HOME/niter}, by default {@code ~/.local/state/niter}. */
    public static StateDirectory fromEnvironment() {
        return from(System.getenv(), Path.of(System.getProperty("user.home")));
    }

    /**
     * As a process of niter is told by its arguments: {@code --state DIR}, or nothing for the
     * user's.
     *
     * @throws IllegalArgumentException if they are anything else
     */
    public static StateDirectory fromArguments(String[] arguments) {
        if (arguments.length == 0) {
            return fromEnvironment();
        }
        if (arguments.length == 2 && arguments[0].equals("--state")) {
            return of(Path.of(arguments[1]));
        }
        throw new IllegalArgumentException("expected nothing or --state DIR");
    }

    static StateDirectory from(Map<String, String> environment, Path home) {
        @Nullable String configured = environment.get("XDG_STATE_HOME");
        boolean usable = configured != null && configured.startsWith("/"); // as XDG asks for
        Path base = usable ? Path.of(configured) : home.resolve(".local/state");
        return of(base.resolve("niter"));
    }

    /**
     * Makes what is missing and checks what is there. Safe to call from several processes at once.
     *
     * @return this
     */
    public StateDirectory open() throws StateDirectoryException {
        int longest = runSocket(LONGEST_ID).toString().getBytes(StandardCharsets.UTF_8).length;
        if (longest > SOCKET_PATH_BYTES) {
            throw new StateDirectoryException(
                    root
                            + ": "
                            + (longest - SOCKET_PATH_BYTES)
                            + " bytes too long for the sockets in it (unix(7)): set XDG_STATE_HOME"
                            + " to a shorter path");
        }
        try {
            makePrivate(root);
            if (!Files.exists(version())) {
                writeVersion();
            }
            checkVersion(Files.readString(version(), StandardCharsets.UTF_8).strip());
            for (Path directory : new Path[] {run(), volumes(), instances(), logs(), ssh()}) {
                makePrivate(directory);
            }
            return this;
        } catch (FileSystemException e) {
            String reason =
                    switch (e) {
                        case FileAlreadyExistsException file -> "not a directory";
                        case AccessDeniedException file -> "permission denied";
                        default -> e.getReason() == null ? "no such place" : e.getReason();
                    };
            throw new StateDirectoryException(
                    e.getFile()
                            + ": cannot be used ("
                            + reason
                            + "): make it a directory that you may read and write, or set"
                            + " XDG_STATE_HOME to another place");
        } catch (IOException e) {
            throw new StateDirectoryException(
                    root
                            + ": cannot be used ("
                            + e.getMessage()
                            + "): set XDG_STATE_HOME to another place");
        }
    }

    private void checkVersion(String found) throws StateDirectoryException {
        if (found.equals(Integer.toString(VERSION))) {
            return;
        }
        boolean newer = found.matches("[0-9]{1,9}") && Integer.parseInt(found) > VERSION;
        throw new StateDirectoryException(
                newer
                        ? version()
                                + ": version "
                                + found
                                + " is newer than this niter, which knows "
                                + VERSION
                                + ": update niter, or set XDG_STATE_HOME to another place"
                        : version()
                                + ": expected the line "
                                + VERSION
                                + ": restore it, or set XDG_STATE_HOME to another place");
    }

    private void writeVersion() throws IOException {
        Path temporary = Files.createTempFile(root, "version", ".new");
        try {
            Files.writeString(temporary, VERSION + "\n", StandardCharsets.UTF_8);
            Files.move(temporary, version(), StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static void makePrivate(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            var ownerOnly = PosixFilePermissions.fromString("rwx------");
            Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(ownerOnly));
        }
        if (!Files.isReadable(directory) || !Files.isWritable(directory)) {
            throw new FileSystemException(directory.toString(), null, "not accessible");
        }
    }

    public Path root() {
        return root;
    }

    /** Sockets and what else ends with a reboot. */
    public Path run() {
        return root.resolve("run");
    }

    /** Where the keeper listens. */
    public Path keeperSocket() {
        return run().resolve("keeper.sock");
    }

    /** Where the controller listens for cards. */
    public Path controlSocket() {
        return run().resolve("control.sock");
    }

    /** Where the controller serves the northbound API. */
    public Path controllerSocket() {
        return run().resolve("controller.sock");
    }

    /** Where the link-local services take frames from the VPC card. */
    public Path servicesSocket() {
        return run().resolve("services.sock");
    }

    /** Where the uplink takes frames from the VPC card. */
    public Path uplinkSocket() {
        return run().resolve("uplink.sock");
    }

    /** Where the uplink is told what to forward. */
    public Path uplinkControlSocket() {
        return run().resolve("uplink-qmp.sock");
    }

    /** Where the VPC card shows an interface's packets. */
    public Path captureSocket() {
        return run().resolve("capture.sock");
    }

    /** Where a process shows its metrics. */
    public Path metricsSocket(String process) {
        return run().resolve("metrics-" + process + ".sock");
    }

    /** Where a card serves a function over vfio-user. */
    public Path functionSocket(String functionId) {
        return run().resolve(functionId + ".sock");
    }

    /** Where the second serial port of an instance is served. */
    public Path runSocket(String instanceId) {
        return run().resolve(instanceId + ".run.sock");
    }

    /**
     * There from the controller's first step of stopping everything until all has ended: whoever is
     * restarted meanwhile goes on with that.
     */
    public Path downMark() {
        return run().resolve("down");
    }

    public Path volumes() {
        return root.resolve("volumes");
    }

    public Path instances() {
        return root.resolve("instances");
    }

    public Path instance(String instanceId) {
        return instances().resolve(instanceId);
    }

    public Path logs() {
        return root.resolve("logs");
    }

    /** The name of the TAP device that is the uplink; without the file it is QEMU's network. */
    public Path tap() {
        return root.resolve("tap");
    }

    /** What died and what became of it, one line an event. */
    public Path events() {
        return root.resolve("events");
    }

    /** The key that logs in to instances, and the host keys of those. */
    public Path ssh() {
        return root.resolve("ssh");
    }

    /** What one process prints. */
    public Path log(String process) {
        return logs().resolve(process + ".log");
    }

    private Path version() {
        return root.resolve("version");
    }

    @Override
    public String toString() {
        return root.toString();
    }
}
