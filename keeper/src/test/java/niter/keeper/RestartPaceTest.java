package niter.keeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RestartPaceTest {
    private final RestartPace pace = new RestartPace();

    @Test
    void fiveEndsWithinTenSecondsSlowItDown() {
        for (int i = 0; i < 4; i++) {
            assertThat(pace.ended(seconds(i))).isZero();
        }
        assertThat(pace.ended(seconds(10))).isEqualTo(RestartPace.SLOW_NANOS);
        assertThat(pace.ended(seconds(11))).isEqualTo(RestartPace.SLOW_NANOS);
    }

    @Test
    void restartsAtOnceAgainAfterACalmTime() {
        for (int i = 0; i < 20; i++) {
            pace.ended(seconds(0));
        }
        assertThat(pace.ended(seconds(1))).isEqualTo(RestartPace.SLOW_NANOS);
        assertThat(pace.ended(seconds(12))).isZero();
    }

    @Test
    void rareEndsNeverSlowItDown() {
        for (int i = 0; i < 100; i++) {
            assertThat(pace.ended(Long.MAX_VALUE + seconds(3 * i))).isZero(); // nanoTime may wrap
        }
    }

    private static long seconds(long count) {
        return TimeUnit.SECONDS.toNanos(count);
    }
}
