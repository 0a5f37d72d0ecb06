package niter.images;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Manifests: one flat JSON object of strings, numbers, booleans and lists of strings. */
final class Json {
    private static final JsonFactory FACTORY = new JsonFactory();

    private Json() {}

    /** Writes beside, syncs, renames: a reader sees all of it or what was there before. */
    static void write(Path file, Map<String, ?> values) throws IOException {
        Path beside = file.resolveSibling(file.getFileName() + ".new");
        try (OutputStream out = Files.newOutputStream(beside);
                JsonGenerator json = FACTORY.createGenerator(out)) {
            json.useDefaultPrettyPrinter();
            json.writeStartObject();
            for (Map.Entry<String, ?> entry : values.entrySet()) {
                json.writeFieldName(entry.getKey());
                writeValue(json, entry.getValue());
            }
            json.writeEndObject();
        }
        Disk.sync(beside);
        Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static void writeValue(JsonGenerator json, Object value) throws IOException {
        switch (value) {
            case String text -> json.writeString(text);
            case Long number -> json.writeNumber(number);
            case Integer number -> json.writeNumber(number);
            case Boolean truth -> json.writeBoolean(truth);
            case List<?> list -> {
                json.writeStartArray();
                for (Object element : list) {
                    json.writeString(element.toString());
                }
                json.writeEndArray();
            }
            default -> throw new IllegalArgumentException("no JSON for " + value.getClass());
        }
    }

    /** Reads what {@link #write} wrote; what it does not know (null, objects) is skipped. */
    static Map<String, Object> read(Path file) throws IOException {
        Map<String, Object> values = new LinkedHashMap<>();
        try (JsonParser json = FACTORY.createParser(file.toFile())) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("not a JSON object: " + file);
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                switch (json.nextToken()) {
                    case VALUE_STRING -> values.put(name, json.getText());
                    case VALUE_NUMBER_INT -> values.put(name, json.getLongValue());
                    case VALUE_TRUE -> values.put(name, true);
                    case VALUE_FALSE -> values.put(name, false);
                    case START_ARRAY -> values.put(name, readList(json));
                    default -> json.skipChildren();
                }
            }
        }
        return values;
    }

    private static List<String> readList(JsonParser json) throws IOException {
        List<String> list = new ArrayList<>();
        while (json.nextToken() == JsonToken.VALUE_STRING) {
            list.add(json.getText());
        }
        if (json.currentToken() != JsonToken.END_ARRAY) {
            throw new IOException("not a list of strings");
        }
        return list;
    }

    /** A text that must be there. */
    static String text(Map<String, Object> values, String name) throws IOException {
        if (values.get(name) instanceof String text) {
            return text;
        }
        throw new IOException("no text " + name);
    }

    /** A number that must be there. */
    static long number(Map<String, Object> values, String name) throws IOException {
        if (values.get(name) instanceof Long number) {
            return number;
        }
        throw new IOException("no number " + name);
    }

    /** A list that must be there. */
    static List<String> list(Map<String, Object> values, String name) throws IOException {
        if (values.get(name) instanceof List<?> list) {
            return list.stream().map(Object::toString).toList();
        }
        throw new IOException("no list " + name);
    }
}
