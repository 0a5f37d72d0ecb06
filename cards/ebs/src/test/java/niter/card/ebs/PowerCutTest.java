package niter.card.ebs;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The power goes at any point of a load. What a barrier covers is on the disk then; of all else any
 * blocks are, or some, or none. Whatever that makes, each block holds what the guest may find: what
 * it was told is durable, or something newer. What runs when is the kernel's matter, so a seed
 * repeats the load, not its order.
 */
class PowerCutTest {
    private static final int BLOCKS = 256;
    private static final int SIZE = BLOCKS * RecordingQueue.BLOCK;
    private static final int COMMANDS = 300;
    private static final int POINTS = 100; // of one load
    private static final double[] NEWEST = {0, 0.1, 0.5, 0.9, 1};

    @TempDir Path directory;

    /** Runs one load and cuts the power at some points of it; how many. */
    private int run(long seed, RecordingQueue.Defect defect) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        VolumeFileTest.Back[] backs = VolumeFileTest.Back.values();
        VolumeFileTest.Back back = backs[random.nextInt(4) == 0 ? 1 : 0];
        PowerLog log = new PowerLog();
        try (VolumeFile volume = volume(new long[BLOCKS], log, random, back, defect)) {
            new PowerLoad(volume, log, random).run(COMMANDS);
        }
        Versions disk = new Versions(BLOCKS);
        Versions promised = new Versions(BLOCKS);
        double chance = 1.3 * POINTS / log.now();
        int points = 0;
        for (int step = 0; step < log.now() && points < POINTS; step++) {
            log.replay(step, disk, promised);
            if (random.nextDouble() < chance || log.now() - step <= POINTS - points) {
                points++;
                long[] image = image(disk, random);
                check(image, promised, "seed %d, after step %d".formatted(seed, step));
                if (points == POINTS / 2) {
                    serveAgain(image, random, back);
                }
            }
        }
        return points;
    }

    private static long[] image(Versions disk, SplittableRandom random) {
        double newest = NEWEST[random.nextInt(NEWEST.length)];
        long[] image = new long[BLOCKS];
        for (int block = 0; block < BLOCKS; block++) {
            image[block] = disk.draw(block, random, newest);
        }
        return image;
    }

    private static void check(long[] image, Versions promised, String when) {
        for (int block = 0; block < BLOCKS; block++) {
            if (!promised.allows(block, image[block])) {
                throw new AssertionError(
                        "%s: block %d holds %x, expected one of %s"
                                .formatted(when, block, image[block], promised.describe(block)));
            }
        }
    }

    /** The host is up again: the guest reads the image as it is, and goes on. */
    private void serveAgain(long[] image, SplittableRandom random, VolumeFileTest.Back back)
            throws IOException {
        PowerLog log = new PowerLog();
        RecordingQueue.Defect none = RecordingQueue.Defect.NONE;
        try (VolumeFile volume = volume(image, log, random, back, none)) {
            BareGuest guest = new BareGuest(volume);
            int most = BareGuest.BUFFER_BYTES / RecordingQueue.BLOCK;
            for (int first = 0; first < BLOCKS; first += most) {
                boolean[] done = {false};
                guest.submit(0, BareGuest.READ, first, most, 0);
                while (!done[0]) {
                    guest.poll((command, status) -> done[0] = status == 0);
                }
                long address = guest.buffer(0).address();
                for (int n = 0; n < most; n++) {
                    assertThat(RecordingQueue.value(address + (long) n * RecordingQueue.BLOCK))
                            .isEqualTo(image[first + n]);
                }
            }
        }
    }

    private VolumeFile volume(
            long[] image,
            PowerLog log,
            SplittableRandom random,
            VolumeFileTest.Back back,
            RecordingQueue.Defect defect)
            throws IOException {
        Path path = directory.resolve("vol-0123456789abcdef0");
        Files.deleteIfExists(path);
        Descriptor file = FileIo.open(path, FileIo.O_RDWR | FileIo.O_CREAT, 0600);
        FileIo.ftruncate(file.number(), SIZE);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = arena.allocate(RecordingQueue.BLOCK, 8);
            for (int n = 0; n < BLOCKS; n++) {
                for (long at = 0; at < RecordingQueue.BLOCK; at += 8) {
                    block.set(JAVA_LONG, at, image[n]);
                }
                if (image[n] != 0) {
                    long offset = (long) n * RecordingQueue.BLOCK;
                    assertThat(
                                    FileIo.pwrite(
                                            file.number(),
                                            block.address(),
                                            RecordingQueue.BLOCK,
                                            offset))
                            .isEqualTo(RecordingQueue.BLOCK);
                }
            }
        }
        FileQueue queue = new RecordingQueue(back.over(file), log, random, defect);
        return VolumeFile.over(file, queue, new Silence());
    }

    private void run(int points) throws IOException {
        int done = 0;
        for (long seed = 0; done < points; seed++) {
            done += run(seed, RecordingQueue.Defect.NONE);
        }
        System.out.println(done + " power cuts");
    }

    @Test
    void whatWasAcknowledgedSurvives() throws IOException {
        run(2000);
    }

    @Test
    @Tag("long")
    void whatWasAcknowledgedSurvivesManyCuts() throws IOException {
        run(100_000);
    }

    /** The proof that this test can fail. */
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void aQueueThatLosesDataIsFound(RecordingQueue.Defect defect) {
        assertThatThrownBy(
                        () -> {
                            for (long seed = 0; seed < 5; seed++) {
                                run(seed, defect);
                            }
                        })
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("expected one of");
    }
}
