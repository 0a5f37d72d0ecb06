package niter.controller.control;

import java.io.IOException;

/** The keeper understood a request and answered Failed; the message is its own. */
public final class KeeperRefusedException extends IOException {
    KeeperRefusedException(String message) {
        super(message);
    }
}
