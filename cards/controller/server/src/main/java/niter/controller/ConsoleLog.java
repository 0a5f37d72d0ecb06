package niter.controller;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * What a guest printed on its serial console: the file {@code console.log}, and before it {@code
 * console.log.1}. Both together never exceed {@link #MAX_BYTES} twice, however much it prints.
 */
final class ConsoleLog implements AutoCloseable {
    static final int MAX_BYTES = 1 << 20;

    private final Path file;
    private final Path previous;
    private RandomAccessFile output;

    private ConsoleLog(Path file, Path previous, RandomAccessFile output) {
        this.file = file;
        this.previous = previous;
        this.output = output;
    }

    /** Goes on with the log of an instance. */
    static ConsoleLog open(Path directory) throws IOException {
        Path file = directory.resolve("console.log");
        return new ConsoleLog(file, directory.resolve("console.log.1"), append(file));
    }

    private static RandomAccessFile append(Path file) throws IOException {
        RandomAccessFile output = new RandomAccessFile(file.toFile(), "rw");
        output.seek(output.length());
        return output;
    }

    /** Adds it, or, where that fails, none of it or a part. The next write may succeed. */
    void write(byte[] bytes, int length) throws IOException {
        if (output.length() + length > MAX_BYTES) {
            rotate();
        }
        output.write(bytes, 0, length);
    }

    /** What fails here is tried again at the next write: until then the full file stays open. */
    private void rotate() throws IOException {
        if (Files.exists(file)) { // not where it was moved, and the next one could not be opened
            Files.move(file, previous, StandardCopyOption.REPLACE_EXISTING);
        }
        RandomAccessFile full = output;
        output = append(file);
        full.close();
    }

    /** All that is kept, oldest first. */
    static byte[] read(Path directory) throws IOException {
        byte[] before = content(directory.resolve("console.log.1"));
        byte[] now = content(directory.resolve("console.log"));
        byte[] all = new byte[before.length + now.length];
        System.arraycopy(before, 0, all, 0, before.length);
        System.arraycopy(now, 0, all, before.length, now.length);
        return all;
    }

    private static byte[] content(Path file) throws IOException {
        if (!Files.exists(file)) {
            return new byte[0];
        }
        try (InputStream input = Files.newInputStream(file)) {
            return input.readNBytes(MAX_BYTES);
        }
    }

    @Override
    public void close() throws IOException {
        output.close();
    }
}
