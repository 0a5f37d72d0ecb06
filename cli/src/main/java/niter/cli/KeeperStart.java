package niter.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import niter.controller.control.KeeperStarter;
import niter.controller.control.StateDirectory;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import niter.linux.Processes;
import niter.linux.Signals;
import niter.linux.UnixSocket;

/** Starts a keeper and waits until its controller serves. One that does not get there is ended. */
final class KeeperStart {
    private static final int PATIENCE_SECONDS = 30;
    private static final int END_MILLIS = 15_000;

    private static final String KEEPER = "niter-keeper: "; // how its complaints begin

    private final StateDirectory state;
    private final Progress progress;

    KeeperStart(StateDirectory state, Progress progress) {
        this.state = state;
        this.progress = progress;
    }

    void start() {
        progress.waiting("Starting niter");
        Descriptor[] output = FileIo.pipe();
        Descriptor[] errors = FileIo.pipe();
        try (Descriptor outputEnd = output[0];
                Descriptor errorsEnd = errors[0]) {
            int pid =
                    KeeperStarter.fromEnvironment(state)
                            .spawn(output[1].number(), errors[1].number());
            output[1].close();
            errors[1].close();
            boolean ready = false;
            try (Undo end = new Undo(() -> end(pid))) {
                ready = isReady(outputEnd);
                if (ready) {
                    end.cancel();
                }
            }
            // A controller without a keeper may have been quicker to start one.
            if (!ready && !Host.listens(state.keeperSocket(), UnixSocket.Type.SEQPACKET)) {
                throw new CliException(complaint(errorsEnd));
            }
        } finally {
            output[1].close();
            errors[1].close();
        }
    }

    private static void end(int pid) {
        Processes.kill(pid, Signals.SIGTERM);
        if (!ProcessEnd.await(pid, END_MILLIS)) {
            Processes.kill(pid, Signals.SIGKILL);
        }
        Processes.reap(pid);
    }

    /** Whether the keeper says that it is ready before it ends or the time is over. */
    private static boolean isReady(Descriptor output) {
        CompletableFuture<String> line = new CompletableFuture<>();
        Thread.ofPlatform()
                .daemon()
                .name("keeper-output")
                .start(
                        () -> {
                            try {
                                line.complete(text(output));
                            } catch (IOException e) {
                                line.completeExceptionally(e);
                            }
                        });
        try {
            return line.get(PATIENCE_SECONDS, TimeUnit.SECONDS).equals("ready\n");
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            throw new CliException("the keeper's output cannot be read: niter doctor", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static String text(Descriptor pipe) throws IOException {
        try (InputStream in = Files.newInputStream(Path.of("/proc/self/fd/" + pipe.number()))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** The keeper's own last word, or else the controller's. */
    private String complaint(Descriptor errors) {
        String said = "";
        try {
            said =
                    text(errors)
                            .lines()
                            .filter(line -> line.startsWith(KEEPER))
                            .findFirst()
                            .map(line -> line.substring(KEEPER.length()))
                            .orElseGet(() -> lastLine(state.log("controller")));
        } catch (IOException e) {
            said = ErrorLine.reason(e);
        }
        return "niter does not start: %s: see %s"
                .formatted(said.isEmpty() ? "the controller says nothing" : said, state.logs());
    }

    private static String lastLine(Path log) {
        try {
            String text = Files.exists(log) ? Files.readString(log).strip() : "";
            return text.substring(text.lastIndexOf('\n') + 1);
        } catch (IOException e) {
            return ErrorLine.reason(e);
        }
    }
}
