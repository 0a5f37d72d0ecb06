package niter.controller.control;

/** The state directory cannot be used. The message is one line that names the path and the mend. */
public final class StateDirectoryException extends Exception {
    StateDirectoryException(String message) {
        super(message);
    }
}
