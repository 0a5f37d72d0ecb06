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
    static byte[] line(JsonFactory json, String command, Map<String, String> arguments, String id)
            throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator generator = json.createGenerator(bytes)) {
            generator.writeStartObject();
            generator.writeStringField("execute", command);
            if (!arguments.isEmpty()) {
                generator.writeObjectFieldStart("arguments");
                for (Map.Entry<String, String> argument : arguments.entrySet()) {
                    generator.writeStringField(argument.getKey(), argument.getValue());
                }
                generator.writeEndObject();
            }
            generator.writeStringField("id", id);
            generator.writeEndObject();
        }
        bytes.write('\n');
        return bytes.toByteArray();
    }
}
