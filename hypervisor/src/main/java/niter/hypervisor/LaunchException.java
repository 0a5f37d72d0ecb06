package niter.hypervisor;

/** An instance cannot be started. The message is one line that names the thing. */
final class LaunchException extends Exception {
    LaunchException(String message) {
        super(message);
    }
}
