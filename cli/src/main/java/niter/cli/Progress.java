package niter.cli;

import java.io.PrintStream;
import java.util.concurrent.TimeUnit;
import niter.images.ProgressListener;
import niter.linux.Terminal;
import org.jspecify.annotations.Nullable;

/**
 * Shows how far a command has come once it takes over two seconds: on a terminal one line that is
 * drawn again and is gone at the end, elsewhere a plain line a phase.
 */
final class Progress implements ProgressListener, AutoCloseable {
    private static final int STANDARD_ERROR = 2;
    private static final long DELAY_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final long REDRAW_MILLIS = 200;
    private static final String CLEAR = "\r\033[K";

    private final PrintStream out;
    private final boolean terminal;
    private final boolean color;
    private long startedNanos;
    private String phase = "";
    private String printed = "";
    private boolean quiet; // nothing to draw where nobody looks at a terminal
    private long done;
    private long total;
    private boolean drawn;
    private @Nullable Thread drawer;

    Progress(PrintStream out, boolean terminal, boolean color) {
        this.out = out;
        this.terminal = terminal;
        this.color = color;
    }

    static Progress onStandardError() {
        boolean terminal = Terminal.isTerminal(STANDARD_ERROR);
        String noColor = System.getenv("NO_COLOR");
        return new Progress(System.err, terminal, noColor == null || noColor.isEmpty());
    }

    @Override
    public synchronized void progress(String phase, long doneBytes, long totalBytes) {
        show(phase, doneBytes, totalBytes, false);
    }

    /** A phase without a measure. */
    synchronized void waiting(String phase) {
        show(phase, 0, 0, false);
    }

    /**
     * A phase that is shown on a terminal only: elsewhere standard error belongs to the guest's
     * command, byte for byte.
     */
    synchronized void waitingQuietly(String phase) {
        show(phase, 0, 0, true);
    }

    private void show(String phase, long done, long total, boolean quiet) {
        this.phase = phase;
        this.done = done;
        this.total = total;
        this.quiet = quiet;
        if (drawer == null) {
            startedNanos = System.nanoTime();
            drawer = Thread.ofPlatform().daemon().name("progress").start(this::run);
        }
    }

    private synchronized void run() {
        try {
            while (drawer == Thread.currentThread()) {
                if (System.nanoTime() - startedNanos >= DELAY_NANOS) {
                    draw();
                }
                wait(REDRAW_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // nobody does; then there is no progress to see
        }
    }

    private void draw() {
        if (terminal) {
            long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startedNanos);
            int columns = Terminal.size(STANDARD_ERROR).columns();
            out.print(CLEAR + ProgressText.line(phase, done, total, seconds, columns, color));
            out.flush();
            drawn = true;
        } else if (!quiet && !phase.equals(printed)) {
            out.println("niter: " + phase);
            printed = phase;
        }
    }

    /** Removes what was drawn; the next phase starts anew. */
    synchronized void clear() {
        drawer = null;
        notifyAll();
        if (drawn) {
            out.print(CLEAR);
            out.flush();
            drawn = false;
        }
    }

    @Override
    public void close() {
        clear();
    }
}
