package niter.controller;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.function.Consumer;
import niter.controller.northbound.Event;
import org.jspecify.annotations.Nullable;

/**
 * The latest events of this host, in memory and in a file that outlives the controller: one line of
 * JSON an event, appended. A line that a kill tore is skipped by whoever reads it. Both this file
 * and the one before it, ".1", are bounded.
 */
final class EventLog {
    private static final System.Logger LOG = System.getLogger(EventLog.class.getName());

    /** From this size on, a new file begins. */
    static final int MAX_BYTES = 512 * 1024;

    /** The most events that are remembered. */
    static final int MAX_EVENTS = 4096;

    private static final JsonFactory JSON = new JsonFactory();
    private static final Comparator<Event> BY_TIME = Comparator.comparingLong(Event::getUnixMs);

    private final Path file;
    private final ArrayDeque<Event> events = new ArrayDeque<>(); // guarded by this
    private final Set<Consumer<Event>> watchers = new CopyOnWriteArraySet<>();
    private boolean torn; // guarded by this: the file's last line has no end

    private EventLog(Path file) {
        this.file = file;
    }

    /** Goes on with the log of an earlier controller. */
    static EventLog open(Path file) throws IOException {
        EventLog log = new EventLog(file);
        log.read(previous(file));
        log.read(file);
        return log;
    }

    private static Path previous(Path file) {
        return file.resolveSibling(file.getFileName() + ".1");
    }

    private synchronized void read(Path from) throws IOException {
        String text;
        try {
            text = Files.readString(from, StandardCharsets.ISO_8859_1); // no byte is malformed
        } catch (NoSuchFileException e) {
            return;
        }
        torn = !text.isEmpty() && !text.endsWith("\n");
        for (String line : text.split("\n")) {
            byte[] bytes = line.getBytes(StandardCharsets.ISO_8859_1);
            @Nullable Event event = parsed(new String(bytes, StandardCharsets.UTF_8));
            if (event != null) {
                remember(event);
            }
        }
    }

    private void remember(Event event) {
        events.addLast(event);
        if (events.size() > MAX_EVENTS) {
            events.removeFirst();
        }
    }

    /** Adds an event, unless it is known: an event that is told again is the same in all fields. */
    synchronized void add(Event event) {
        if (events.contains(event)) {
            return;
        }
        remember(event);
        try {
            append(line(event));
        } catch (IOException e) {
            LOG.log(System.Logger.Level.ERROR, "{0}: {1}", file, e.getMessage());
        }
        watchers.forEach(watcher -> watcher.accept(event));
    }

    private void append(String line) throws IOException {
        byte[] bytes = ((torn ? "\n" : "") + line + "\n").getBytes(StandardCharsets.UTF_8);
        if (Files.exists(file) && Files.size(file) + bytes.length > MAX_BYTES) {
            Files.move(file, previous(file), StandardCopyOption.REPLACE_EXISTING);
        }
        try (RandomAccessFile output = new RandomAccessFile(file.toFile(), "rw")) {
            output.seek(output.length());
            torn = true; // until all of it is there
            output.write(bytes); // one write: a kill leaves all of it, a part or nothing
        }
        torn = false;
    }

    /** The latest event of a subject that one of these names has; null where there is none. */
    synchronized @Nullable Event latest(String subject, Set<String> names) {
        return latest(subject, names, Long.MAX_VALUE);
    }

    /** As the other, of those that happened until then. */
    synchronized @Nullable Event latest(String subject, Set<String> names, long untilUnixMs) {
        @Nullable Event found = null;
        for (Event event : events) {
            if (event.getSubject().equals(subject)
                    && names.contains(event.getEvent())
                    && event.getUnixMs() <= untilUnixMs
                    && (found == null || event.getUnixMs() >= found.getUnixMs())) {
                found = event;
            }
        }
        return found;
    }

    /**
     * What happened since then, by time, each given to a reader; then each new one, where it
     * follows.
     *
     * @param reader does not wait, and none of its calls overlap
     */
    synchronized void read(long sinceUnixMs, boolean follow, Consumer<Event> reader) {
        List<Event> found = new ArrayList<>();
        for (Event event : events) {
            if (event.getUnixMs() >= sinceUnixMs) {
                found.add(event);
            }
        }
        found.sort(BY_TIME);
        found.forEach(reader);
        if (follow) {
            watchers.add(reader);
        }
    }

    /** Ends what {@link #read} began. */
    void unfollow(Consumer<Event> reader) {
        watchers.remove(reader);
    }

    private static String line(Event event) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartObject();
            json.writeNumberField("unix_ms", event.getUnixMs());
            json.writeStringField("subject", event.getSubject());
            json.writeStringField("event", event.getEvent());
            json.writeStringField("reason", event.getReason());
            if (event.hasPauseMs()) {
                json.writeNumberField("pause_ms", event.getPauseMs());
            }
            json.writeEndObject();
        }
        return text.toString();
    }

    /** Null where that is no whole event. Fields that are not known are skipped. */
    private static @Nullable Event parsed(String line) {
        Event.Builder event = Event.newBuilder();
        try (JsonParser json = JSON.createParser(line)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                return null;
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                json.nextToken();
                switch (name) {
                    case "unix_ms" -> event.setUnixMs(json.getLongValue());
                    case "subject" -> event.setSubject(json.getText());
                    case "event" -> event.setEvent(json.getText());
                    case "reason" -> event.setReason(json.getText());
                    case "pause_ms" -> event.setPauseMs(json.getLongValue());
                    default -> json.skipChildren();
                }
            }
            return json.currentToken() == JsonToken.END_OBJECT ? event.build() : null;
        } catch (IOException e) {
            return null; // torn
        }
    }
}
