package niter.cli;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What went wrong, as one line for the user. */
final class ErrorLine {
    private ErrorLine() {}

    static String of(Throwable error) {
        return switch (error) {
            case StatusRuntimeException status -> of(status.getStatus());
            case IOException io -> reason(io);
            default -> oneLine(error.getMessage(), error);
        };
    }

    private static String of(Status status) {
        @Nullable String description = status.getDescription();
        return switch (status.getCode()) {
            case UNAVAILABLE ->
                    "the controller does not answer: niter doctor says more; niter down, then niter"
                            + " up starts it anew";
            case UNIMPLEMENTED ->
                    "the running niter is another version and does not know this: niter down, then"
                            + " niter up";
            default ->
                    description == null
                            ? "the controller says "
                                    + status.getCode().name().toLowerCase(Locale.ROOT)
                            : firstLine(description);
        };
    }

    /** An I/O error with the file it is about. */
    static String reason(IOException error) {
        return switch (error) {
            case NoSuchFileException missing -> missing.getFile() + ": no such file";
            case AccessDeniedException denied -> denied.getFile() + ": permission denied";
            case FileSystemException file when file.getReason() != null ->
                    file.getFile() + ": " + file.getReason();
            default -> oneLine(error.getMessage(), error);
        };
    }

    private static String oneLine(@Nullable String message, Throwable error) {
        return message == null || message.isBlank() ? error.toString() : firstLine(message);
    }

    private static String firstLine(String text) {
        return text.strip().lines().findFirst().orElse("");
    }
}
