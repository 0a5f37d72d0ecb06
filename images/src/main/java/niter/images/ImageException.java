package niter.images;

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

    /** With a message for the user and what led to it, for the log. */
    public ImageException(String message, Throwable cause) {
        super(message, cause);
    }
}
