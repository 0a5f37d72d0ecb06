package niter.keeper;

import java.io.IOException;
import java.nio.file.Path;
import niter.linux.Descriptor;

/**
 * What the keeper writes: one word to who started it, then, for as long as it lives, its log. Until
 * that word its errors go where the starter wants them.
 */
final class Output {
    private static final int STANDARD_ERROR = 2;

    private final Path log;
    private boolean ready;

    Output(Path log) {
        this.log = log;
    }

    /** The controller serves: says so, once, and lets go of the starter's pipes. */
    void ready() {
        if (!ready) {
            ready = true;
            System.out.print("ready\n");
            System.out.close(); // in the JDK: 1 becomes /dev/null
            boundLog();
        }
    }

    /** Begins a new log file where the old one is too large. */
    void boundLog() {
        if (!ready) {
            return;
        }
        try (Descriptor file = LogFile.open(log)) {
            file.duplicateTo(STANDARD_ERROR);
        } catch (IOException e) {
            System.getLogger(Output.class.getName())
                    .log(System.Logger.Level.WARNING, "{0}: {1}", log, e.getMessage());
        }
    }
}
