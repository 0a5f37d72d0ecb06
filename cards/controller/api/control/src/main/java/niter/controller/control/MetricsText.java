package niter.controller.control;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Metrics in Prometheus' text format, version 0.0.4: families in the order of their first sample,
 * each with its help and type. Names and labels are ours; label values are escaped.
 */
public final class MetricsText {
    private final Map<String, StringBuilder> families = new LinkedHashMap<>();

    /** Nothing yet. */
    public MetricsText() {}

    /**
     * A sample of a family that only grows, but for restarts of its process.
     *
     * @param name ends in "_total"
     * @param labels names and values in turn
     */
    public void counter(String name, String help, long value, String... labels) {
        sample(name, "counter", help, value, labels);
    }

    /** A sample of a family that goes up and down; as {@link #counter}. */
    public void gauge(String name, String help, long value, String... labels) {
        sample(name, "gauge", help, value, labels);
    }

    private void sample(String name, String type, String help, long value, String... labels) {
        StringBuilder family =
                families.computeIfAbsent(
                        name,
                        first ->
                                new StringBuilder("# HELP %s %s\n".formatted(first, help))
                                        .append("# TYPE %s %s\n".formatted(first, type)));
        family.append(name);
        for (int i = 0; i < labels.length; i += 2) {
            family.append(i == 0 ? '{' : ',')
                    .append(labels[i])
                    .append("=\"")
                    .append(escaped(labels[i + 1]))
                    .append('"');
        }
        family.append(labels.length == 0 ? " " : "} ").append(value).append('\n');
    }

    private static String escaped(String value) {
        return value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    }

    /** All families. */
    @Override
    public String toString() {
        return String.join("", families.values());
    }
}
