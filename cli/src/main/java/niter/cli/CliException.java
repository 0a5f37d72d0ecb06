package niter.cli;

/**
 * The command cannot do what was asked. The message is one line for the user: the thing, what is
 * wrong with it, the mend. Ends the command with {@link NiterMain#FAILURE}.
 */
final class CliException extends RuntimeException {
    private static final long serialVersionUID = 1;

    CliException(String message) {
        super(message);
    }

    CliException(String message, Throwable cause) {
        super(message, cause);
    }
}
