package niter.card.ebs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import niter.linux.Descriptor;
import niter.linux.Failpoint;
import niter.linux.FailpointFile;
import niter.linux.MemoryFile;
import niter.nvme.NvmeController;
import niter.nvme.NvmeIdentity;
import niter.nvme.NvmeOptions;
import niter.pcie.Core;
import niter.pcie.FunctionServer;

/**
 * One function's processes, one after the other, on the caller's thread: message stream, segment,
 * NVMe controller and volume are the real ones; the keeper, the disk and the time are simulated.
 * All follows from the random source.
 */
final class SimulatedHost implements AutoCloseable {
    static final long VOLUME_BYTES = 1 << 20;

    private static final String ID = "vol-0123456789abcdef0";
    private static final Failpoint[] POINTS =
            EnumSet.range(Failpoint.CONNECTION_HELD, Failpoint.INTERRUPT_SENT)
                    .toArray(Failpoint[]::new);

    final SimulatedDisk disk;
    final SimulatedKeeper keeper = new SimulatedKeeper();
    final Path socket;
    final Set<Failpoint> endedAt = EnumSet.noneOf(Failpoint.class);
    int deaths;

    private final SplittableRandom random;
    private final FailpointFile points;
    private final Descriptor file = MemoryFile.create("volume", VOLUME_BYTES);
    private Core core;
    private SimulatedDisk.Queue queue;
    private FunctionServer server;

    SimulatedHost(Path socket, FailpointFile points, SplittableRandom random) throws IOException {
        this.socket = socket;
        this.points = points;
        this.random = random;
        disk = new SimulatedDisk(VOLUME_BYTES, random);
        core = new Core("simulated");
        queue = disk.open();
        server = serve(Map.of());
    }

    private FunctionServer serve(Map<String, Descriptor> given) throws IOException {
        VolumeFile volume = VolumeFile.over(file.duplicate(), queue, new Silence());
        NvmeController controller =
                new NvmeController(
                        NvmeIdentity.ebs(ID, "/dev/sdf"),
                        volume,
                        NvmeOptions.NONE,
                        () -> disk.nowNanos);
        return FunctionServer.start(ID, controller, socket, keeper, given, core);
    }

    /** One round of the process that serves, or its end and the start of the next one. */
    void step() {
        disk.nowNanos += random.nextInt(200_000);
        try {
            core.step();
        } catch (FailpointFile.Simulated end) {
            deaths++;
            endedAt.add(Failpoint.of(String.valueOf(end.getMessage())));
            takeOver();
        }
    }

    private void takeOver() {
        disarm();
        end();
        keeper.cardDies();
        core = new Core("simulated");
        queue = disk.open();
        try {
            server = serve(keeper.given());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (random.nextInt(4) == 0) { // it ends early too, perhaps while it takes over
            points.arm(
                    random.nextBoolean() ? Failpoint.CONNECTION_TAKEN_OVER : draw(),
                    1,
                    FailpointFile.SIMULATED);
        }
    }

    /** What the kernel does when a process has ended. */
    private void end() {
        queue.die();
        core.close();
        server.detach();
    }

    /** The process ends at one of the next steps of its kind. */
    void beMortal() {
        disarm();
        points.arm(
                draw(), 1 + random.nextInt(random.nextBoolean() ? 2 : 20), FailpointFile.SIMULATED);
    }

    private Failpoint draw() {
        return POINTS[random.nextInt(POINTS.length)];
    }

    void disarm() {
        for (Failpoint point : POINTS) {
            points.disarm(point);
        }
    }

    /** Until the process that serves has lived through a whole round. */
    void settle() {
        int before = -1;
        while (before != deaths) {
            before = deaths;
            step();
        }
    }

    @Override
    public void close() {
        disarm();
        end();
        keeper.close();
        file.close();
    }
}
