package niter.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import niter.controller.control.protocol.CreateVolume;
import niter.controller.control.protocol.EnsureFunction;
import niter.controller.control.protocol.ToCard;
import niter.images.Engine;
import niter.images.Engines;
import niter.images.ProgressListener;
import niter.lab.QtestMachine.Board;

/**
 * A built card with the functions of {@link QtestMachine}s, one machine at a time: at 00:04.0 one
 * as of a root volume, which signals eventfds; at 00:05.0 a detachable one, whose interrupts are
 * messages.
 */
final class QtestHost implements AutoCloseable {
    static final int ROOT = 4;
    static final int DETACHABLE = 5;

    /** What each eight bytes of the volumes are. */
    static final long CONTENT = 0x5a5a_5a5a_5a5a_5a5aL;

    private static final String DETACHABLE_VOLUME = "vol-0123456789abcdef1";
    private static final int VOLUME_BYTES = 1 << 20;

    private final Path home;
    private final Engine engine;
    private final EbsHost host;

    /**
     * Starts it.
     *
     * @param home a directory of its own
     */
    QtestHost(Path home) throws IOException {
        this.home = home;
        Path dist = Path.of(Objects.requireNonNull(System.getenv("NITER_DIST"), "NITER_DIST"));
        engine = Engines.ensure(cache(), ProgressListener.NONE);
        host = new EbsHost(home, dist, VOLUME_BYTES, false, List.of(), -1);
        CreateVolume create =
                CreateVolume.newBuilder()
                        .setVolumeId(DETACHABLE_VOLUME)
                        .setSizeBytes(VOLUME_BYTES)
                        .build();
        EnsureFunction ensure =
                EnsureFunction.newBuilder()
                        .setFunctionId(DETACHABLE_VOLUME)
                        .setVolumeId(DETACHABLE_VOLUME)
                        .setSocketPath(detachable().toString())
                        .setDeviceName("/dev/sdf")
                        .setDetachable(true)
                        .build();
        host.card.ask(ToCard.newBuilder().setCreateVolume(create));
        host.fill();
        Path other = host.file().resolveSibling(DETACHABLE_VOLUME);
        Files.write(other, Files.readAllBytes(host.file()));
        host.card.ask(ToCard.newBuilder().setEnsureFunction(ensure));
    }

    private static Path cache() {
        String configured = System.getenv("XDG_CACHE_HOME");
        boolean usable = configured != null && configured.startsWith("/");
        return (usable ? Path.of(configured) : Path.of(System.getProperty("user.home"), ".cache"))
                .resolve("niter");
    }

    /** A machine with both functions. */
    QtestMachine machine(Board board) throws IOException {
        return new QtestMachine(engine, board, home, List.of(host.socket(), detachable()));
    }

    /** Where the detachable function is served. */
    Path detachable() {
        return host.card.state().functionSocket(DETACHABLE_VOLUME);
    }

    /** The card's pid; 0 while it does not run. */
    int card() throws IOException {
        return host.card.process().getPid();
    }

    /** How many sockets, eventfds and memory files card and keeper have. */
    int descriptors() throws IOException {
        return KeptCard.held(card()) + KeptCard.held(host.card.keeperPid());
    }

    /** How often the card has machines' memory mapped. */
    int mappings() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + card() + "/maps"))) {
            return (int) lines.filter(line -> line.contains("/memfd:memory-backend")).count();
        }
    }

    @Override
    public void close() throws IOException {
        host.close();
    }
}
