package niter.cli;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What has to be undone before this process ends: at the close, or when a signal ends the process
 * before that. Once in any case.
 */
final class Undo implements AutoCloseable {
    private static final AtomicBoolean ENDING = new AtomicBoolean();

    private final Runnable action;
    private final Thread hook = new Thread(this::whenEnding, "undo");
    private boolean done;

    Undo(Runnable action) {
        this.action = action;
        try {
            Runtime.getRuntime().addShutdownHook(hook);
        } catch (IllegalStateException e) {
            run(); // the process is ending already
        }
    }

    /**
     * Notes that the process is ending from its first moment on, also where nothing is to be
     * undone.
     */
    static void watch() {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> ENDING.set(true), "ending"));
    }

    /** Whether the process is ending: then nobody needs to hear what fails because of that. */
    static boolean isEnding() {
        return ENDING.get();
    }

    private void whenEnding() {
        ENDING.set(true);
        run();
    }

    private synchronized void run() {
        if (!done) {
            done = true;
            action.run();
        }
    }

    /** It came out well: nothing is to be undone. */
    synchronized void cancel() {
        done = true;
    }

    @Override
    public void close() {
        run();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            return; // ending; the hook finds it done
        }
    }
}
