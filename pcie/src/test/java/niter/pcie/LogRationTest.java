package niter.pcie;

import static org.assertj.core.api.Assertions.assertThat;

import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.ResourceBundle;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Ten lines, then one a second. */
class LogRationTest {
    private final List<String> lines = new ArrayList<>();
    private long nanos = Long.MAX_VALUE - 5; // a clock may wrap
    private final LogRation ration = new LogRation(() -> nanos);

    /** Keeps what it is told. */
    private final System.Logger log =
            new System.Logger() {
                @Override
                public String getName() {
                    return "test";
                }

                @Override
                public boolean isLoggable(Level level) {
                    return true;
                }

                @Override
                public void log(Level level, ResourceBundle bundle, String text, Throwable thrown) {
                    lines.add(text);
                }

                @Override
                public void log(
                        Level level, ResourceBundle bundle, String format, Object... values) {
                    lines.add(MessageFormat.format(format, values));
                }
            };

    private void say(int times) {
        for (int i = 0; i < times; i++) {
            ration.log(log, System.Logger.Level.INFO, "{0} again", "x");
        }
    }

    @Test
    void whatIsTooMuchIsCounted() {
        say(1000);
        assertThat(lines).hasSize(10).containsOnly("x again");
        nanos += TimeUnit.SECONDS.toNanos(1);
        say(5);
        assertThat(lines).hasSize(11).last().isEqualTo("x again (990 lines withheld)");
        nanos += TimeUnit.HOURS.toNanos(1);
        say(1000);
        assertThat(lines).as("no more is saved up").hasSize(21);
    }
}
