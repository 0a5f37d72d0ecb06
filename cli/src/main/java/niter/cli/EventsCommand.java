package niter.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import niter.controller.northbound.DescribeEventsRequest;
import niter.controller.northbound.Event;
import niter.controller.northbound.NorthboundChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Lists what died, why, and how long the pause was. */
@Command(
        name = "events",
        mixinStandardHelpOptions = true,
        description = {
            "List what happened to processes, functions and instances, the oldest first.",
            "Pause is the time from the end of a process until what it served is served again."
        },
        footerHeading = "%nEvents:%n",
        footer = {
            "  ended, serving               a process; the reason says how it ended",
            "  not-updated                  a card whose other build did not take over",
            "  resumed, failed              a function, in its card's next process",
            "  out-of-service               a function that ended two processes within ten seconds",
            "  disk-full, disk-space-again  a volume's file system",
            "  writes-lost                  a volume whose file could not be synced: reads only",
            "  running, stopped, ...        an instance's state"
        })
final class EventsCommand implements Runnable {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);
    private static final Pattern AGE = Pattern.compile("(\\d+d)?((\\d+h)?(\\d+m)?(\\d+s)?)");

    @Option(
            names = {"-f", "--follow"},
            description = "Go on with each event as it happens.")
    private boolean follow;

    @Option(
            names = "--since",
            paramLabel = "TIME",
            description =
                    "Only what happened since: an age (30s, 10m, 1h30m, 2d) or a time"
                            + " (2026-01-31T12:00:00Z).")
    private String since = "";

    @Mixin private JsonOption json = new JsonOption();

    // Those of the last moment that was read: a stream that begins again begins with that moment.
    private final Set<Event> latest = new HashSet<>();
    private long latestUnixMs;

    @Override
    public void run() {
        latestUnixMs = sinceUnixMs(since, Instant.now());
        try (NorthboundChannel channel = Host.open().connect()) {
            if (follow) {
                follow(channel);
            } else {
                list(read(channel));
            }
        }
    }

    /** Milliseconds since 1970; 0 for the beginning. */
    static long sinceUnixMs(String since, Instant now) {
        if (since.isEmpty()) {
            return 0;
        }
        var age = AGE.matcher(since);
        try {
            if (age.matches()) {
                String days = age.group(1) == null ? "" : age.group(1);
                String rest = age.group(2).isEmpty() ? "" : "T" + age.group(2);
                String text = ("P" + days + rest).toUpperCase(Locale.ROOT);
                return Math.max(0, now.minus(Duration.parse(text)).toEpochMilli());
            }
            return Math.max(
                    0,
                    DateTimeFormatter.ISO_OFFSET_DATE_TIME
                            .parse(since, Instant::from)
                            .toEpochMilli());
        } catch (DateTimeException | ArithmeticException e) {
            throw new CliException(
                    "--since: expected an age (10m, 1h30m) or a time (2026-01-31T12:00:00Z), got "
                            + since,
                    e);
        }
    }

    private Iterator<Event> read(NorthboundChannel channel) {
        return channel.blocking()
                .describeEvents(
                        DescribeEventsRequest.newBuilder()
                                .setSinceUnixMs(latestUnixMs)
                                .setFollow(follow)
                                .build());
    }

    private void list(Iterator<Event> events) {
        Table table = new Table("Time", "Subject", "Event", "Pause", "Reason");
        events.forEachRemaining(
                event ->
                        table.row(
                                Table.Cell.of(time(event)),
                                Table.Cell.of(event.getSubject()),
                                Table.Cell.of(event.getEvent()),
                                new Table.Cell(
                                        pause(event), event.hasPauseMs() ? event.getPauseMs() : ""),
                                Table.Cell.of(event.getReason())));
        table.print(System.out, json.isSet());
    }

    /** A controller that is restarted ends a stream that had begun: it is opened again. */
    private void follow(NorthboundChannel channel) {
        while (true) {
            boolean begun = false;
            try {
                Iterator<Event> events = read(channel);
                while (events.hasNext()) {
                    show(events.next());
                    begun = true;
                }
                return;
            } catch (StatusRuntimeException e) {
                if (e.getStatus().getCode() != Status.Code.UNAVAILABLE || !begun) {
                    throw e;
                }
            }
        }
    }

    private void show(Event event) {
        if (event.getUnixMs() > latestUnixMs) {
            latestUnixMs = event.getUnixMs();
            latest.clear();
        }
        if (!latest.add(event)) {
            return;
        }
        if (json.isSet()) {
            System.out.println(json(event));
        } else {
            System.out.println(
                    "%s   %-21s   %-16s   %8s   %s"
                            .formatted(
                                    time(event),
                                    event.getSubject(),
                                    event.getEvent(),
                                    pause(event),
                                    event.getReason())
                            .stripTrailing());
        }
        System.out.flush();
    }

    private static String time(Event event) {
        return TIME.format(Instant.ofEpochMilli(event.getUnixMs()));
    }

    private static String pause(Event event) {
        return event.hasPauseMs() ? event.getPauseMs() + " ms" : "";
    }

    private static String json(Event event) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            json.writeStartObject();
            json.writeStringField("time", time(event));
            json.writeStringField("subject", event.getSubject());
            json.writeStringField("event", event.getEvent());
            if (event.hasPauseMs()) {
                json.writeNumberField("pause", event.getPauseMs());
            }
            json.writeStringField("reason", event.getReason());
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }
}
