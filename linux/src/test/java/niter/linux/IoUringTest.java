package niter.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IoUringTest {
    private static final int BLOCK = 4096;

    @TempDir Path directory;

    private static MemorySegment iovec(Arena arena, MemorySegment bytes) {
        MemorySegment iovec = arena.allocate(16, 8);
        iovec.set(JAVA_LONG, 0, bytes.address());
        iovec.set(JAVA_LONG, 8, bytes.byteSize());
        return iovec;
    }

    private static Map<Long, Integer> results(IoUring ring, int count) {
        Map<Long, Integer> results = new HashMap<>();
        while (results.size() < count) {
            ring.submitAndWait(1);
            ring.reap((userData, result) -> results.put(userData, result));
        }
        return results;
    }

    @Test
    void writesSyncsAndReads() {
        Path path = directory.resolve("f");
        try (Arena arena = Arena.ofConfined();
                Descriptor file = FileIo.open(path, FileIo.O_RDWR | FileIo.O_CREAT, 0600);
                IoUring ring = IoUring.create(8)) {
            MemorySegment bytes = arena.allocate(BLOCK, 8).fill((byte) 3);
            MemorySegment iovec = iovec(arena, bytes);
            int number = file.number();
            ring.writev(number, iovec.address(), 1, BLOCK, FileIo.RWF_DSYNC, 1);
            assertThat(ring.inFlight()).isEqualTo(1);
            assertThat(results(ring, 1)).containsEntry(1L, BLOCK);
            ring.fsync(number, true, 2);
            ring.fallocate(number, FileIo.FALLOC_FL_ZERO_RANGE, 0, 8 * BLOCK, 3);
            assertThat(results(ring, 2)).containsEntry(2L, 0).containsEntry(3L, 0);
            ring.readv(number, iovec.address(), 1, BLOCK, 0, 4);
            ring.readv(-1, iovec.address(), 1, 0, 0, 5);
            assertThat(results(ring, 2)).containsEntry(4L, BLOCK).containsEntry(5L, -Errno.EBADF);
            assertThat(bytes.get(JAVA_BYTE, 0)).isZero();
            assertThat(FileIo.size(number)).isEqualTo(8 * BLOCK);
            assertThat(ring.inFlight()).isZero();
        }
    }

    @Test
    void manyRoundsGoThroughASmallRing() {
        Path path = directory.resolve("f");
        try (Arena arena = Arena.ofConfined();
                Descriptor file = FileIo.open(path, FileIo.O_RDWR | FileIo.O_CREAT, 0600);
                IoUring ring = IoUring.create(4)) {
            MemorySegment iovec = iovec(arena, arena.allocate(512, 8));
            int[] done = new int[1];
            for (int n = 0; n < 1000; n++) {
                while (ring.full()) {
                    ring.submitAndWait(1);
                    ring.reap((userData, result) -> done[0] += result == 512 ? 1 : 0);
                }
                ring.writev(file.number(), iovec.address(), 1, 512L * n, 0, n);
            }
            while (ring.inFlight() > 0) {
                ring.submitAndWait(1);
                ring.reap((userData, result) -> done[0] += result == 512 ? 1 : 0);
            }
            assertThat(done[0]).isEqualTo(1000);
            assertThat(FileIo.size(file.number())).isEqualTo(512_000);
        }
    }

    @Test
    void itsDescriptorWakesWhoWaits() {
        Path path = directory.resolve("f");
        try (Descriptor file = FileIo.open(path, FileIo.O_RDWR | FileIo.O_CREAT, 0600);
                IoUring ring = IoUring.create(4);
                Epoll epoll = new Epoll()) {
            long[] tokens = new long[Epoll.MAX_EVENTS];
            epoll.add(ring.descriptor().number(), 1);
            assertThat(epoll.await(0, tokens)).isZero();
            ring.fsync(file.number(), true, 9);
            ring.submit();
            int ready = 0;
            while (ready == 0) { // the kernel may interrupt who waits, to complete it
                ready = epoll.await(30_000, tokens);
            }
            assertThat(ready).isEqualTo(1);
            assertThat(ring.reap((userData, result) -> assertThat(userData).isEqualTo(9)))
                    .isEqualTo(1);
        }
    }
}
