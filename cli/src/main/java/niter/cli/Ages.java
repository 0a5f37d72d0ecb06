package niter.cli;

import java.time.Duration;
import java.time.Instant;

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

    /** Since a process started; the JSON value is whole seconds. */
    static Table.Cell uptime(long startedUnixMs) {
        Duration age = since(startedUnixMs);
        return new Table.Cell(text(age), Math.max(0, age.toSeconds()));
    }

    /** Since something was launched; the JSON value is that moment, as EC2 spells times. */
    static Table.Cell launched(long unixMs) {
        return new Table.Cell(text(since(unixMs)), Instant.ofEpochMilli(unixMs).toString());
    }

    private static Duration since(long unixMs) {
        return Duration.ofMillis(System.currentTimeMillis() - unixMs);
    }
}
