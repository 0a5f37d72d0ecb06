package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import niter.linux.Descriptor;
import niter.linux.UnixSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A guest that prints while its log cannot be written. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SerialConsoleTest {
    private static final int PIECES = 100;

    @TempDir Path directory;
    private final AtomicInteger lines = new AtomicInteger();

    @Test
    void aLogThatCannotBeWrittenIsOneLine() throws Exception {
        Logger log = Logger.getLogger(SerialConsole.class.getName());
        Handler counter = counter();
        log.addHandler(counter);
        Descriptor[] pair = UnixSocket.pair(UnixSocket.Type.STREAM);
        AtomicInteger shown = new AtomicInteger();
        try (SerialConsole console = new SerialConsole("i-0", directory, pair[0])) {
            console.watch(bytes -> shown.addAndGet(bytes.length));
            Files.createDirectories(directory.resolve("console.log.1/x")); // it cannot move there
            try (SocketStream guest = new SocketStream(pair[1])) {
                guest.write(new byte[ConsoleLog.MAX_BYTES + PIECES * 4096]);
            }
            console.drain();
        } finally {
            log.removeHandler(counter);
        }
        assertThat(lines).hasValue(1);
        assertThat(shown)
                .as("bytes that who watches saw")
                .hasValue(ConsoleLog.MAX_BYTES + PIECES * 4096);
    }

    private Handler counter() {
        return new Handler() {
            @Override
            public void publish(LogRecord line) {
                lines.incrementAndGet();
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
    }
}
