package niter.lab;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import niter.controller.control.protocol.CreateVolume;
import niter.controller.control.protocol.EnsureFunction;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import niter.linux.Processes;

/** An EBS card under a keeper, with one volume of zeroes behind one function. */
final class EbsHost implements AutoCloseable {
    static final String VOLUME = "vol-0123456789abcdef0";

    private static final int PIECE_BYTES = 1 << 20;

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

    /** Reads all of it, past the card, into the page cache, with nothing left to write. */
    void warm() throws IOException {
        ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
        try (FileChannel file =
                FileChannel.open(file(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            file.force(false);
            while (file.read(piece.clear()) >= 0) {
                // the next piece
            }
        }
    }

    /**
     * Has the card go past the page cache, or no longer. It knows nothing of it: O_DIRECT belongs
     * to the open file, which is shared for a moment.
     */
    void direct(boolean on) throws IOException {
        int pid = card.process().getPid();
        Path volume = file().toRealPath();
        try (DirectoryStream<Path> all =
                Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
            for (Path one : all) {
                if (Files.isSymbolicLink(one) && Files.readSymbolicLink(one).equals(volume)) {
                    int number = Integer.parseInt(one.getFileName().toString());
                    try (Descriptor shared = Processes.share(pid, number)) {
                        FileIo.setFlag(shared.number(), FileIo.O_DIRECT, on);
                    }
                    return;
                }
            }
        }
        throw new IOException("the card has not opened " + volume);
    }

    /** All zeroes again; no command is in flight. */
    void clear() throws IOException {
        write((byte) 0);
    }

    private void write(byte value) throws IOException {
        ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
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
