package niter.cli;

import java.util.function.Consumer;
import niter.linux.Terminal;

/**
 * The user's terminal, passing every byte as it is (also Ctrl-C) until it is closed or the process
 * ends.
 */
final class RawTerminal implements AutoCloseable {
    private static final int STANDARD_INPUT = 0;

    private final Undo restore;

    private RawTerminal(Undo restore) {
        this.restore = restore;
    }

    static boolean isStandardInput() {
        return Terminal.isTerminal(STANDARD_INPUT);
    }

    static RawTerminal open() {
        Terminal.Settings before = Terminal.makeRaw(STANDARD_INPUT);
        return new RawTerminal(new Undo(() -> Terminal.restore(STANDARD_INPUT, before)));
    }

    static Terminal.Size size() {
        return Terminal.size(STANDARD_INPUT);
    }

    /** Tells the size whenever it has changed. */
    static void onResize(Consumer<Terminal.Size> listener) {
        ProcessSignals.handle("WINCH", number -> listener.accept(size()));
    }

    @Override
    public void close() {
        restore.close();
    }
}
