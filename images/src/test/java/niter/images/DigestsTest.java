package niter.images;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DigestsTest {
    @TempDir Path folder;

    @Test
    void zerosWrittenOutAreAsGoodAsAHole() throws IOException {
        Path hole = file("hole", 0);
        Path zeros = file("zeros", 64 << 10);
        assertThat(Digests.ofSparse(zeros)).isEqualTo(Digests.ofSparse(hole));
        assertThat(Digests.of(zeros)).isEqualTo(Digests.of(hole));
    }

    @Test
    void aChangedByteAnotherPlaceAndAnotherSizeAreOtherDigests() throws IOException {
        Path base = file("base", 0);
        String before = Digests.ofSparse(base);
        change(base, 5 << 20, 1);
        String changed = Digests.ofSparse(base);
        change(base, 5 << 20, 0);
        assertThat(changed).isNotEqualTo(before);
        assertThat(Digests.ofSparse(base)).isEqualTo(before);
        change(base, (5 << 20) + 4096, 1);
        assertThat(Digests.ofSparse(base)).isNotIn(before, changed);
        change(base, (5 << 20) + 4096, 0);
        try (RandomAccessFile file = new RandomAccessFile(base.toFile(), "rw")) {
            file.setLength(file.length() + 1);
        }
        assertThat(Digests.ofSparse(base)).isNotIn(before, changed);
    }

    private Path file(String name, int zeros) throws IOException {
        Path path = folder.resolve(name);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength((8 << 20) + 100);
            file.seek(12_345);
            file.write(new byte[] {1, 2, 3});
            file.seek(6 << 20);
            file.write(new byte[zeros]);
            file.seek((8 << 20) + 99);
            file.write(9);
        }
        return path;
    }

    private static void change(Path path, long at, int value) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.seek(at);
            file.write(value);
        }
    }
}
