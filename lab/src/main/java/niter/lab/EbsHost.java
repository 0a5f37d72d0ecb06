package niter.lab;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import niter.controller.control.protocol.CreateVolume;
import niter.controller.control.protocol.EnsureFunction;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.ToCard;

/** An EBS card under a keeper, with one volume of zeroes behind one function. */
final class EbsHost implements AutoCloseable {
    static final String VOLUME = "vol-0123456789abcdef0";

    final KeptCard card;
    private final boolean detachable;

    /**
     * Starts it.
     *
     * @param home as {@link KeptCard} has it
     * @param options more of the card's JVM
     * @param detachable whether the function interrupts by messages
     * @param cpu the one that all its threads share, or -1 for any
     */
    EbsHost(
            Path home,
            Path dist,
            long volumeBytes,
            boolean detachable,
            List<String> options,
            int cpu)
            throws IOException {
        this.detachable = detachable;
        RestartPolicy restart = RestartPolicy.RESTART_ALWAYS;
        card = new KeptCard(home, dist, new KeptCard.Start("ebs", options, cpu, restart));
        boolean served = false;
        try {
            CreateVolume create =
                    CreateVolume.newBuilder().setVolumeId(VOLUME).setSizeBytes(volumeBytes).build();
            card.ask(ToCard.newBuilder().setCreateVolume(create));
            serve();
            served = true;
        } finally {
            if (!served) {
                card.close();
            }
        }
    }

    /** Makes sure that the function is there. */
    void serve() throws IOException {
        EnsureFunction ensure =
                EnsureFunction.newBuilder()
                        .setFunctionId(VOLUME)
                        .setVolumeId(VOLUME)
                        .setSocketPath(socket().toString())
                        .setDeviceName("/dev/xvda")
                        .setDetachable(detachable)
                        .build();
        card.ask(ToCard.newBuilder().setEnsureFunction(ensure));
    }

    /** Where the function is served. */
    Path socket() {
        return card.state().functionSocket(VOLUME);
    }

    /** The volume. */
    Path file() {
        return card.state().volumes().resolve(VOLUME);
    }

    /** Writes all of it, past the card: what a read finds is in the page cache then. */
    void fill() throws IOException {
        write((byte) 0x5a);
    }

    /** All zeroes again; no command is in flight. */
    void clear() throws IOException {
        write((byte) 0);
    }

    private void write(byte value) throws IOException {
        ByteBuffer piece = ByteBuffer.allocate(1 << 20);
        Arrays.fill(piece.array(), value);
        try (FileChannel file = FileChannel.open(file(), StandardOpenOption.WRITE)) {
            long size = file.size();
            while (file.position() < size) {
                piece.limit((int) Math.min(piece.capacity(), size - file.position())).rewind();
                file.write(piece);
            }
        }
    }

    /** The thread that serves the function, as jcmd shows it. */
    static String thread() {
        return "fn-" + VOLUME;
    }

    @Override
    public void close() throws IOException {
        card.close();
    }
}
