package niter.images;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/**
 * An engine, image or tool could not be made ready. The message is one line for the user: it names
 * the thing and the mend.
 */
public final class ImageException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** With a message for the user. */
    public ImageException(String message) {
        super(message);
    }

    /**
     * Where the disk refused.
     *
     * @param what what could not be done, as a sentence without its full stop
     */
    static ImageException of(String what, IOException e) {
        String reason =
                switch (e) {
                    case FileSystemException f when f.getReason() != null -> f.getReason();
                    case NoSuchFileException missing -> "no " + missing.getFile();
                    case AccessDeniedException denied -> "no access to " + denied.getFile();
                    case IOException other when other.getMessage() != null -> other.getMessage();
                    default -> e.toString();
                };
        return new ImageException(
                what + " (" + reason + "): mend that, or set XDG_CACHE_HOME to another place", e);
    }

    /** With a message for the user and what led to it, for the log. */
    public ImageException(String message, Throwable cause) {
        super(message, cause);
    }
}
