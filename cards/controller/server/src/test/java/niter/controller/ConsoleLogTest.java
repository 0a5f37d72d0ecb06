package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConsoleLogTest {
    @TempDir Path directory;

    @Test
    void isBoundedWhateverIsPrinted() throws IOException {
        byte[] line = new byte[4096];
        try (ConsoleLog log = ConsoleLog.open(directory)) {
            for (int n = 0; n < 2000; n++) {
                Arrays.fill(line, (byte) n);
                log.write(line, line.length);
            }
        }
        try (var files = Files.list(directory)) {
            long bytes = files.mapToLong(file -> file.toFile().length()).sum();
            assertThat(bytes).isLessThanOrEqualTo(2L * ConsoleLog.MAX_BYTES);
        }
        byte[] kept = ConsoleLog.read(directory);
        assertThat(kept.length).isGreaterThanOrEqualTo(ConsoleLog.MAX_BYTES);
        for (int at = 0; at < kept.length; at += 4096) {
            int n = 2000 - (kept.length - at) / 4096;
            assertThat(kept[at]).isEqualTo((byte) n); // the last ones, in order
        }
    }

    @Test
    void goesOnAfterARestart() throws IOException {
        for (String text : new String[] {"one ", "two"}) {
            try (ConsoleLog log = ConsoleLog.open(directory)) {
                log.write(text.getBytes(StandardCharsets.US_ASCII), text.length());
            }
        }
        assertThat(new String(ConsoleLog.read(directory), StandardCharsets.US_ASCII))
                .isEqualTo("one two");
        assertThat(ConsoleLog.read(directory.resolve("none"))).isEmpty();
    }

    /** The disk was full when the file was to be another one; then there is room again. */
    @Test
    void goesOnOnceThereIsRoomAgain() throws IOException {
        byte[] line = new byte[4096];
        Path inTheWay = directory.resolve("console.log.1");
        Files.createDirectories(
                inTheWay.resolve("x")); // what cannot be done fails as on a full disk
        try (ConsoleLog log = ConsoleLog.open(directory)) {
            for (int n = 0; n < ConsoleLog.MAX_BYTES / line.length; n++) {
                log.write(line, line.length);
            }
            assertThatThrownBy(() -> log.write(line, line.length)).isInstanceOf(IOException.class);
            Files.delete(inTheWay.resolve("x"));
            Files.delete(inTheWay);
            Arrays.fill(line, (byte) 'x');
            log.write(line, line.length);
        }
        assertThat(Files.readAllBytes(directory.resolve("console.log"))).isEqualTo(line);
        assertThat(ConsoleLog.read(directory)).hasSize(ConsoleLog.MAX_BYTES + line.length);
    }

    /** It was moved, and then there was no descriptor for the next one; or a user removed it. */
    @Test
    void goesOnWhereTheFileIsGone() throws IOException {
        byte[] line = new byte[4096];
        try (ConsoleLog log = ConsoleLog.open(directory)) {
            for (int n = 0; n < ConsoleLog.MAX_BYTES / line.length; n++) {
                log.write(line, line.length);
            }
            Files.move(directory.resolve("console.log"), directory.resolve("console.log.1"));
            log.write(line, line.length);
        }
        assertThat(ConsoleLog.read(directory)).hasSize(ConsoleLog.MAX_BYTES + line.length);
    }
}
