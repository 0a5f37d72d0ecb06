package niter.controller;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Map;

/** A QMP command as bytes. */
final class QmpCommand {
    private QmpCommand() {}

    /** One line: {@code {"execute": command, "arguments": {…}, "id": id}}. */
    static byte[] line(JsonFactory json, String command, Map<String, ?> arguments, String id)
            throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator generator = json.createGenerator(bytes)) {
            generator.writeStartObject();
            generator.writeStringField("execute", command);
            if (!arguments.isEmpty()) {
                object(generator, "arguments", arguments);
            }
            generator.writeStringField("id", id);
            generator.writeEndObject();
        }
        bytes.write('\n');
        return bytes.toByteArray();
    }

    private static void object(JsonGenerator generator, String name, Map<?, ?> members)
            throws IOException {
        generator.writeObjectFieldStart(name);
        for (Map.Entry<?, ?> member : members.entrySet()) {
            String key = String.valueOf(member.getKey());
            if (member.getValue() instanceof Map<?, ?> inner) {
                object(generator, key, inner);
            } else {
                generator.writeStringField(key, String.valueOf(member.getValue()));
            }
        }
        generator.writeEndObject();
    }
}
