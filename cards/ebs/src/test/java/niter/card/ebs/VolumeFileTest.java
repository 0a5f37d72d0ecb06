package niter.card.ebs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import niter.linux.Descriptor;
import niter.linux.Epoll;
import niter.linux.Errno;
import niter.linux.FileIo;
import niter.nvme.Namespace.Operation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A volume does what a byte array does, through both queues, and whatever the kernel does. */
class VolumeFileTest {
    private static final int BLOCK = 512;
    private static final int BLOCKS = 1024;
    private static final int SIZE = BLOCK * BLOCKS;

    enum Back {
        RING,
        POOL;

        FileQueue over(Descriptor file) {
            return switch (this) {
                case RING -> new RingQueue(file.number(), VolumeFile.MAX_IN_FLIGHT);
                case POOL -> new PoolQueue(file.number(), VolumeFile.MAX_IN_FLIGHT);
            };
        }
    }

    @TempDir Path directory;

    static Stream<Arguments> runs() {
        long fresh = System.nanoTime();
        return Stream.of(Back.values())
                .flatMap(
                        back ->
                                Stream.of(1L, 2L, 3L, fresh)
                                        .flatMap(
                                                seed ->
                                                        Stream.of(
                                                                Arguments.of(back, false, seed),
                                                                Arguments.of(back, true, seed))));
    }

    @ParameterizedTest(name = "{0}, faults {1}, seed {2}")
    @MethodSource("runs")
    void doesWhatAnArrayDoes(Back back, boolean faults, long seed) throws IOException {
        Path path = create();
        SplittableRandom random = new SplittableRandom(seed);
        byte[] model = new byte[SIZE];
        Descriptor file = FileIo.open(path, FileIo.O_RDWR, 0);
        FileQueue queue = back.over(file);
        if (faults) {
            FaultyQueue faulty = new FaultyQueue(queue, seed);
            if (random.nextBoolean()) {
                faulty.unsupport(FileIo.FALLOC_FL_ZERO_RANGE);
            }
            if (random.nextBoolean()) {
                faulty.unsupport(FileIo.FALLOC_FL_PUNCH_HOLE);
            }
            queue = faulty;
        }
        try (VolumeFile volume = VolumeFile.over(file, queue, new Silence())) {
            for (int batch = 0; batch < 150; batch++) {
                runBatch(volume, model, random, !faults);
            }
        }
        assertThat(Files.readAllBytes(path)).isEqualTo(model);
    }

    /**
     * Commands at once whose ranges do not touch: what order they run in is the kernel's matter.
     */
    private static void runBatch(
            VolumeFile volume, byte[] model, SplittableRandom random, boolean byEvent) {
        try (Arena arena = Arena.ofConfined()) {
            BitSet used = new BitSet(BLOCKS);
            List<Command> commands = new ArrayList<>();
            for (int n = random.nextInt(1, 20); n > 0; n--) {
                Command command = Command.random(commands.size() * 7, random, arena, model);
                int first = (int) command.offset / BLOCK;
                int end = first + command.bytes / BLOCK;
                if (used.get(first, end).isEmpty()) {
                    used.set(first, end);
                    command.prepare(volume);
                    commands.add(command);
                }
            }
            BitSet done = new BitSet();
            volume.submit();
            if (byEvent) {
                awaitAll(volume, commands.size(), done);
            } else {
                volume.quiesce((tag, errno) -> complete(done, tag, errno));
            }
            assertThat(done.cardinality()).isEqualTo(commands.size());
            commands.forEach(command -> command.check(model));
        }
    }

    private static void awaitAll(VolumeFile volume, int count, BitSet done) {
        long[] tokens = new long[1];
        try (Epoll epoll = new Epoll()) {
            epoll.add(volume.descriptor(), 0);
            int reaped = 0;
            while (reaped < count) {
                epoll.await(-1, tokens);
                reaped += volume.reap((tag, errno) -> complete(done, tag, errno));
            }
            assertThat(reaped).isEqualTo(count);
            volume.reap((tag, errno) -> complete(done, tag, errno));
            assertThat(epoll.await(0, tokens)).as("still readable").isZero();
        }
    }

    private static void complete(BitSet done, int tag, int errno) {
        assertThat(errno).isZero();
        assertThat(done.get(tag)).isFalse();
        done.set(tag);
    }

    /** One command with its memory. */
    private record Command(
            int tag, Operation operation, long offset, int bytes, MemorySegment memory) {
        static Command random(int tag, SplittableRandom random, Arena arena, byte[] model) {
            Operation operation = Operation.values()[random.nextInt(Operation.values().length)];
            int first = random.nextInt(BLOCKS);
            int blocks = random.nextInt(1, Math.min(64, BLOCKS - first) + 1);
            MemorySegment memory = arena.allocate((long) blocks * BLOCK);
            byte[] content = new byte[blocks * BLOCK];
            switch (operation) {
                case WRITE, WRITE_FUA -> random.nextBytes(content);
                case READ -> Arrays.fill(content, (byte) 0x55); // what must be overwritten
                default -> {}
            }
            MemorySegment.copy(content, 0, memory, JAVA_BYTE, 0, content.length);
            return new Command(tag, operation, (long) first * BLOCK, content.length, memory);
        }

        void prepare(VolumeFile volume) {
            MemorySegment iovecs = Arena.ofAuto().allocate(Iovecs.BYTES * 64, Long.BYTES);
            int count = 0;
            for (long at = 0; at < bytes; count++) { // pieces of odd sizes, as PRP entries may be
                long piece =
                        count == 63 ? bytes - at : Math.min(bytes - at, 4096 - 512L * (count % 8));
                Iovecs.set(iovecs, count, memory.address() + at, piece);
                at += piece;
            }
            volume.prepare(operation, tag, offset, bytes, iovecs, count);
        }

        /** After completion: compares what was read, does to the model what was written. */
        void check(byte[] model) {
            byte[] content = memory.toArray(JAVA_BYTE);
            switch (operation) {
                case READ ->
                        assertThat(content)
                                .isEqualTo(
                                        Arrays.copyOfRange(
                                                model, (int) offset, (int) offset + bytes));
                case WRITE, WRITE_FUA ->
                        System.arraycopy(content, 0, model, (int) offset, content.length);
                case WRITE_ZEROES, WRITE_ZEROES_FUA, DEALLOCATE ->
                        Arrays.fill(model, (int) offset, (int) offset + bytes, (byte) 0);
                case FLUSH -> {}
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Back.class)
    void deallocatingGivesSpaceBackAndZeroingNeedNot(Back back) throws Exception {
        Path path = create();
        Descriptor file = FileIo.open(path, FileIo.O_RDWR, 0);
        try (Arena arena = Arena.ofConfined();
                VolumeFile volume = VolumeFile.over(file, back.over(file), new Silence())) {
            MemorySegment content = arena.allocate(SIZE).fill((byte) 1);
            MemorySegment iovec = arena.allocate(Iovecs.BYTES, Long.BYTES);
            Iovecs.set(iovec, 0, content.address(), SIZE);
            volume.prepare(Operation.WRITE_FUA, 0, 0, SIZE, iovec, 1);
            volume.quiesce((tag, errno) -> assertThat(errno).isZero());
            assertThat(FileIo.allocatedBytes(file.number())).isGreaterThanOrEqualTo(SIZE);
            volume.prepare(Operation.DEALLOCATE, 1, 0, SIZE, MemorySegment.NULL, 0);
            volume.quiesce((tag, errno) -> assertThat(errno).isZero());
            assertThat(FileIo.allocatedBytes(file.number())).isZero();
            assertThat(FileIo.size(file.number())).isEqualTo(SIZE);
        }
    }

    @Test
    void refusesWhatTheControllerMustNotAsk() throws Exception {
        try (VolumeFile volume = VolumeFile.open(create(), 0, new Silence())) {
            MemorySegment none = MemorySegment.NULL;
            assertThatThrownBy(() -> volume.prepare(Operation.READ, 0, SIZE - 512, 1024, none, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(
                            () -> volume.prepare(Operation.READ, 0, Long.MAX_VALUE, 512, none, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            volume.prepare(Operation.FLUSH, 3, 0, 0, none, 0);
            assertThatThrownBy(() -> volume.prepare(Operation.FLUSH, 3, 0, 0, none, 0))
                    .isInstanceOf(IllegalStateException.class);
        }
    }

    @ParameterizedTest
    @EnumSource(Back.class)
    void aFileThatShrankIsAnInputOutputError(Back back) throws Exception {
        Path path = create();
        Descriptor file = FileIo.open(path, FileIo.O_RDWR, 0);
        try (Arena arena = Arena.ofConfined();
                VolumeFile volume = VolumeFile.over(file, back.over(file), new Silence())) {
            FileIo.ftruncate(file.number(), 1024);
            MemorySegment iovec = arena.allocate(Iovecs.BYTES, Long.BYTES);
            Iovecs.set(iovec, 0, arena.allocate(4096).address(), 4096);
            volume.prepare(Operation.READ, 0, 0, 4096, iovec, 1);
            List<Integer> errors = new ArrayList<>();
            volume.quiesce((tag, errno) -> errors.add(errno));
            assertThat(errors).containsExactly(Errno.EIO);
        }
    }

    private Path create() throws IOException {
        Path path = directory.resolve("vol-0123456789abcdef0");
        try (Descriptor file = FileIo.open(path, FileIo.O_RDWR | FileIo.O_CREAT, 0600)) {
            FileIo.ftruncate(file.number(), SIZE);
        }
        return path;
    }
}
