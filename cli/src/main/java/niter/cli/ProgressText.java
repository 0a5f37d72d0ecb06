package niter.cli;

import java.util.Locale;

/** What a line of progress and sizes look like. */
final class ProgressText {
    private static final int BAR_COLUMNS = 24;
    private static final int DEFAULT_COLUMNS = 80;
    private static final int STATUS_COLUMNS = 22;

    /** Whether the locale's character set has the bar; C's has not. */
    private static final boolean DRAWS = System.err.charset().newEncoder().canEncode("━─");

    private ProgressText() {}

    /**
     * A line for a terminal.
     *
     * @param totalBytes 0 where nobody knows: then the seconds are shown
     * @param columns the terminal's width; 0 where nobody knows
     */
    static String line(
            String phase,
            long doneBytes,
            long totalBytes,
            long seconds,
            int columns,
            boolean color) {
        int width = columns == 0 ? DEFAULT_COLUMNS : columns;
        if (totalBytes <= 0) {
            String amount = doneBytes > 0 ? ", " + bytes(doneBytes) : "";
            return cut(phase + amount + ", " + seconds + " s", width - 1);
        }
        long done = Math.min(doneBytes, totalBytes);
        int percent = (int) (100.0 * done / totalBytes);
        String status = " %3d %% of %s".formatted(percent, bytes(totalBytes));
        int room = width - 1 - phase.length() - STATUS_COLUMNS;
        if (room < BAR_COLUMNS) {
            return cut(phase + status, width - 1);
        }
        int full = (int) ((double) BAR_COLUMNS * done / totalBytes);
        String bar = (DRAWS ? "━" : "#").repeat(full);
        String rest = (DRAWS ? "─" : "-").repeat(BAR_COLUMNS - full);
        return phase
                + " "
                + (color ? "\033[36m" + bar + "\033[2m" + rest + "\033[0m" : bar + rest)
                + status;
    }

    private static String cut(String text, int columns) {
        return text.length() <= columns ? text : text.substring(0, Math.max(0, columns));
    }

    /** "12 KiB", "1.5 GiB": three digits at most before the point, one after it where below ten. */
    static String bytes(long bytes) {
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        boolean point = unit > 0 && value < 10 && value != Math.rint(value);
        return String.format(Locale.ROOT, point ? "%.1f %s" : "%.0f %s", value, units[unit]);
    }
}
