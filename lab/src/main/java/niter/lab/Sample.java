package niter.lab;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** One figure, measured several times. */
final class Sample {
    private static final double MOST_SPREAD = 0.2;

    private final List<Double> values = new ArrayList<>();

    void add(double value) {
        values.add(value);
    }

    double median() {
        List<Double> sorted = new ArrayList<>(values);
        Collections.sort(sorted);
        int half = sorted.size() / 2;
        return sorted.size() % 2 == 1
                ? sorted.get(half)
                : (sorted.get(half - 1) + sorted.get(half)) / 2;
    }

    /** The distance of the largest to the smallest, as a part of the median. */
    double spread() {
        return (Collections.max(values) - Collections.min(values)) / median();
    }

    private boolean counts() {
        return spread() <= MOST_SPREAD;
    }

    /** "1.23 s ±4 %": median, unit, spread. */
    String text(String unit) {
        return String.format(
                Locale.ROOT, "%.4g %s (spread %.0f %%)", median(), unit, 100 * spread());
    }

    /** How often the other's median goes into this one's; "not measured" where either scatters. */
    String ratioTo(Sample other) {
        String ratio = String.format(Locale.ROOT, "%.2f", median() / other.median());
        return counts() && other.counts()
                ? ratio
                : "not measured: spread over 20 % (" + ratio + ")";
    }
}
