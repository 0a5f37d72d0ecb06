package niter.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import niter.linux.Terminal;
import org.jspecify.annotations.Nullable;

/** A program on a terminal of a guest that a test says lines to, each after its prompt. */
final class TestTalk {
    private static final Terminal.Size WINDOW = new Terminal.Size(50, 200);

    private final String prompt;
    private final PipedOutputStream lines = new PipedOutputStream();
    private final CompletableFuture<Integer> status = new CompletableFuture<>();

    /** What it printed since the last prompt. Guarded by this. */
    private final StringBuilder heard = new StringBuilder();

    TestTalk(TestGuest guest, String prompt, String... command) throws IOException {
        this.prompt = prompt;
        OutputStream output =
                new OutputStream() {
                    @Override
                    public void write(int one) {
                        hear(new byte[] {(byte) one});
                    }

                    @Override
                    public void write(byte[] bytes, int offset, int length) {
                        hear(java.util.Arrays.copyOfRange(bytes, offset, offset + length));
                    }
                };
        GuestCommand.Streams streams =
                new GuestCommand.Streams(new PipedInputStream(lines), output, output);
        Thread.ofPlatform()
                .daemon()
                .start(
                        () -> {
                            try {
                                end(guest.run(streams, WINDOW, command), null);
                            } catch (IOException | RuntimeException e) {
                                end(-1, e);
                            }
                        });
    }

    private synchronized void hear(byte[] bytes) {
        heard.append(new String(bytes, StandardCharsets.ISO_8859_1));
        notifyAll();
    }

    private synchronized void end(int exitStatus, @Nullable Exception failure) {
        if (failure == null) {
            status.complete(exitStatus);
        } else {
            status.completeExceptionally(failure);
        }
        notifyAll();
    }

    /** Waits for its prompt; what it printed before that. */
    synchronized String hear() throws InterruptedException {
        while (heard.indexOf(prompt) < 0) {
            if (status.isDone()) {
                throw new AssertionError("it ended (%s): %s".formatted(status, heard));
            }
            wait();
        }
        int end = heard.indexOf(prompt);
        String text = heard.substring(0, end);
        heard.delete(0, end + prompt.length());
        return text;
    }

    /** Says a line; what it prints until its next prompt. */
    String say(String line) throws IOException, InterruptedException {
        send(line);
        return hear();
    }

    /** Says its last line; its exit status. */
    int end(String line) throws IOException {
        send(line);
        return status.join();
    }

    private void send(String line) throws IOException {
        lines.write((line + "\n").getBytes(StandardCharsets.ISO_8859_1));
        lines.flush();
    }
}
