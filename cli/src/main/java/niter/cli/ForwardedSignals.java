package niter.cli;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import niter.linux.Signals;
import niter.linux.Terminal;

/**
 * Signals that are meant for the command in the guest. The second one, or five seconds after one
 * that asks for the end of this process too, end it here: the instance is terminated all the same.
 */
final class ForwardedSignals {
    private static final int GRACE_SECONDS = 5;
    private static final List<String> NAMES = List.of("INT", "TERM", "HUP", "USR1");

    private final GuestCommand command;
    private final AtomicBoolean again = new AtomicBoolean();

    private ForwardedSignals(GuestCommand command) {
        this.command = command;
    }

    static void install(GuestCommand command) {
        ForwardedSignals signals = new ForwardedSignals(command);
        NAMES.forEach(name -> ProcessSignals.handle(name, signals::forward));
    }

    private void forward(int signal) {
        boolean asksToEnd = signal != Signals.SIGUSR1;
        if (asksToEnd && again.getAndSet(true) || !sent(signal) && asksToEnd) {
            System.exit(128 + signal);
        }
        if (asksToEnd && signal != Signals.SIGINT) { // a person can press Ctrl-C again
            CompletableFuture.delayedExecutor(GRACE_SECONDS, TimeUnit.SECONDS)
                    .execute(() -> System.exit(128 + signal));
        }
    }

    private boolean sent(int signal) {
        try {
            return command.signal(signal);
        } catch (IOException e) {
            return false; // the guest is gone
        }
    }

    static void resize(GuestCommand command, Terminal.Size size) {
        try {
            command.resize(size);
        } catch (IOException e) {
            return; // the guest is gone, which the command's thread sees too
        }
    }
}
