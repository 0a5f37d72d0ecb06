package niter.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What a command lists: aligned columns for people, an array of objects for programs. */
final class Table {
    private static final String GAP = "   ";

    private final List<String> titles;
    private final List<List<Cell>> rows = new ArrayList<>();

    /**
     * A value.
     *
     * @param text for people
     * @param value for programs: a String, Long, Integer or Boolean
     */
    record Cell(String text, Object value) {
        static Cell of(String text) {
            return new Cell(text, text);
        }

        static Cell of(long number) {
            return new Cell(Long.toString(number), number);
        }

        /** "512 MiB" or 536870912. */
        static Cell bytes(long bytes) {
            return new Cell(ProgressText.bytes(bytes), bytes);
        }
    }

    /** Columns by their titles; in JSON a title is a key, in lower case and with _ for spaces. */
    Table(String... titles) {
        this.titles = List.of(titles);
    }

    void row(Cell... cells) {
        if (cells.length != titles.size()) {
            throw new IllegalArgumentException(cells.length + " cells");
        }
        rows.add(List.of(cells));
    }

    void print(PrintStream out, boolean json) {
        out.print(json ? json() : text());
        out.flush();
    }

    String text() {
        int[] widths = new int[titles.size()];
        for (int column = 0; column < widths.length; column++) {
            widths[column] = titles.get(column).length();
            for (List<Cell> row : rows) {
                widths[column] = Math.max(widths[column], row.get(column).text().length());
            }
        }
        StringBuilder text = new StringBuilder();
        line(text, titles, widths);
        for (List<Cell> row : rows) {
            line(text, row.stream().map(Cell::text).toList(), widths);
        }
        return text.toString();
    }

    private static void line(StringBuilder text, List<String> cells, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int column = 0; column < widths.length; column++) {
            String cell = cells.get(column);
            line.append(cell).repeat(' ', widths[column] - cell.length()).append(GAP);
        }
        text.append(line.toString().stripTrailing()).append('\n');
    }

    String json() {
        StringWriter text = new StringWriter();
        try (JsonGenerator generator = new JsonFactory().createGenerator(text)) {
            generator.useDefaultPrettyPrinter();
            generator.writeStartArray();
            for (List<Cell> row : rows) {
                generator.writeStartObject();
                for (int column = 0; column < titles.size(); column++) {
                    generator.writeFieldName(
                            titles.get(column).toLowerCase(Locale.ROOT).replace(' ', '_'));
                    write(generator, row.get(column).value());
                }
                generator.writeEndObject();
            }
            generator.writeEndArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text + "\n";
    }

    private static void write(JsonGenerator generator, Object value) throws IOException {
        switch (value) {
            case Long number -> generator.writeNumber(number);
            case Integer number -> generator.writeNumber(number);
            case Boolean truth -> generator.writeBoolean(truth);
            default -> generator.writeString(value.toString());
        }
    }
}
