package niter.cli;

import java.time.Duration;

/** How long ago something was, in one unit. */
final class Ages {
    private Ages() {}

    /** "12 s", "5 min", "3 h", "2 d". */
    static String text(Duration age) {
        long seconds = Math.max(0, age.toSeconds());
        if (seconds < 120) {
            return seconds + " s";
        }
        if (age.toMinutes() < 120) {
            return age.toMinutes() + " min";
        }
        return age.toHours() < 48 ? age.toHours() + " h" : age.toDays() + " d";
    }

    /** Since a moment; the JSON value is that moment in milliseconds of Unix time. */
    static Table.Cell since(long unixMs) {
        Duration age = Duration.ofMillis(System.currentTimeMillis() - unixMs);
        return new Table.Cell(text(age), unixMs);
    }
}
