package niter.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/**
 * How long nothing was answered around each kill of a card, and where the time went. Wall clocks of
 * three processes of one machine are compared, so the parts are right to some milliseconds.
 */
final class Pauses {
    private static final long GOAL_MILLIS = 1000;
    private static final long MOST_MILLIS = 60_000;
    private static final String TAKEN_OVER = "connection taken over";
    private static final DateTimeFormatter STAMP =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSZ", Locale.ROOT);

    private final Histogram all = millis();
    private final Histogram noticed = millis(); // until the keeper had started the next process
    private final Histogram started = millis(); // from there until it had the connection
    private final Histogram served = millis(); // from there until the first answer
    private final Histogram cpu = millis(); // that the successor had used soon after
    private final List<Long> startedUnix = new ArrayList<>();
    private final List<Long> answeredUnix = new ArrayList<>();

    private static Histogram millis() {
        return new Histogram(MOST_MILLIS, 3);
    }

    /**
     * A kill was lived through.
     *
     * @param killedUnix milliseconds, as the other two
     * @param nextUnix when the keeper started the process that went on
     * @param silentNanos the longest time without an answer
     * @param answered when the silence ended
     * @param cpuSeconds that the process had used by now
     */
    void add(long killedUnix, long nextUnix, long silentNanos, long answered, double cpuSeconds) {
        cpu.recordValue(Math.clamp((long) (cpuSeconds * 1000), 0, MOST_MILLIS));
        all.recordValue(Math.min(MOST_MILLIS, silentNanos / 1_000_000));
        noticed.recordValue(Math.clamp(nextUnix - killedUnix, 0, MOST_MILLIS));
        startedUnix.add(nextUnix);
        answeredUnix.add(answered);
    }

    /** Looks up in the card's log when each successor took the connection over. */
    void read(Path log) throws IOException {
        List<Long> taken =
                Files.readAllLines(log).stream()
                        .filter(line -> line.contains(TAKEN_OVER))
                        .mapToLong(Pauses::stamp)
                        .boxed()
                        .toList();
        for (int i = 0; i < startedUnix.size(); i++) {
            long from = startedUnix.get(i);
            long to = answeredUnix.get(i);
            long at = taken.stream().filter(one -> one >= from).findFirst().orElse(-1L);
            if (at >= 0 && at <= to) { // else the log was cut meanwhile
                started.recordValue(Math.min(MOST_MILLIS, at - from));
                served.recordValue(Math.min(MOST_MILLIS, to - at));
            }
        }
    }

    private static long stamp(String line) {
        try {
            String text = line.substring(0, line.indexOf(' '));
            return OffsetDateTime.parse(text, STAMP).toInstant().toEpochMilli();
        } catch (DateTimeParseException | StringIndexOutOfBoundsException e) {
            return -1;
        }
    }

    Histogram all() {
        return all;
    }

    /** The lines that a report has of it. */
    String text() {
        if (all.getTotalCount() == 0) {
            return "pause: the card was not killed";
        }
        long worst = all.getMaxValue();
        String verdict = worst <= GOAL_MILLIS ? "met" : "not met";
        String pause = "pause (goal: at most 1000 ms) %s: %s".formatted(line(all), verdict);
        if (started.getTotalCount() == 0) {
            return pause + "\n  where it went: not measured";
        }
        long rest = noticed.getValueAtPercentile(50) + served.getValueAtPercentile(50);
        return pause
                + "\n  until the keeper had started the next process  "
                + line(noticed)
                + "\n  from there until it had the connection: its JVM  "
                + line(started)
                + "\n  from there until the first answer  "
                + line(served)
                + "\n  CPU time of the successor soon after, all of its threads  "
                + line(cpu)
                + "\n  a warm standby would save the second part at most: some %d ms would be left,"
                        .formatted(rest)
                + " not measured";
    }

    /** Median and worst of milliseconds. */
    static String line(Histogram part) {
        return part.getTotalCount() == 0
                ? "none"
                : "median %d ms, worst %d ms"
                        .formatted(part.getValueAtPercentile(50), part.getMaxValue());
    }
}
