package niter.card.ebs;

import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import niter.controller.control.CardEvents;
import niter.controller.control.protocol.EnsureFunction;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.ToCard;
import org.jspecify.annotations.Nullable;

/**
 * A target for coverage-guided fuzzing: an input is a request of the controller. The card answers
 * each with done or a message, and whatever it is told, its files stay in its directory.
 */
public final class AnswerFuzz {
    private static @Nullable AnswerFuzz target;

    private final Path directory;
    private final Card card;

    private AnswerFuzz() throws IOException {
        directory = Files.createTempDirectory("fuzz");
        Files.createDirectory(directory.resolve("volumes"));
        card =
                new Card(
                        new Volumes(directory.resolve("volumes")),
                        new HeldHere(),
                        new CardEvents());
    }

    /** Called with each input. */
    public static void fuzzerTestOneInput(byte[] input) throws IOException, InterruptedException {
        AnswerFuzz running = target;
        if (running == null) {
            running = new AnswerFuzz();
            target = running;
        }
        ToCard request;
        try {
            request = ToCard.parseFrom(input);
        } catch (InvalidProtocolBufferException e) {
            return; // the channel's matter
        }
        running.run(request);
    }

    private void run(ToCard request) throws IOException, InterruptedException {
        ToCard.Builder asked = request.toBuilder();
        // A function's socket may lie anywhere, and a source be any file: here they may not.
        if (request.hasEnsureFunction()) {
            EnsureFunction.Builder ensure = asked.getEnsureFunctionBuilder();
            if (ensure.getSocketPath().startsWith("/")) {
                ensure.setSocketPath(directory.resolve("function.sock").toString());
            }
        }
        if (request.hasCreateVolume() && request.getCreateVolume().getSource().startsWith("/")) {
            asked.getCreateVolumeBuilder().setSource(directory.resolve("no").toString());
        }
        FromCard answer = card.answer(asked.build()).build();
        if (!answer.hasDone()
                && answer.getFailed().getMessage().isEmpty()
                && !answer.hasFunctions()) {
            throw new AssertionError("no answer to " + request);
        }
        try (var files = Files.list(directory.resolve("volumes"))) {
            files.forEach(AnswerFuzz::remove);
        }
    }

    private static void remove(Path file) {
        if (!file.getFileName().toString().matches("vol-([0-9a-f]{8}|[0-9a-f]{17})")) {
            throw new AssertionError("a file " + file);
        }
        try {
            Files.delete(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
