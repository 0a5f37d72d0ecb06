package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What --since takes. */
class EventsCommandTest {
    private static final Instant NOW = Instant.parse("2026-01-31T12:00:00Z");

    @ParameterizedTest
    @CsvSource({
        "30s, 2026-01-31T11:59:30Z",
        "10m, 2026-01-31T11:50:00Z",
        "1h30m, 2026-01-31T10:30:00Z",
        "2d, 2026-01-29T12:00:00Z",
        "1d1h, 2026-01-30T11:00:00Z",
        "2026-01-31T12:00:00+01:00, 2026-01-31T11:00:00Z",
        "1900-01-01T00:00:00Z, 1970-01-01T00:00:00Z"
    })
    void sinceIsAnAgeOrATime(String since, String expected) {
        assertThat(Instant.ofEpochMilli(EventsCommand.sinceUnixMs(since, NOW))).isEqualTo(expected);
    }

    @Test
    void withoutItAllIsShown() {
        assertThat(EventsCommand.sinceUnixMs("", NOW)).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"yesterday", "10", "m", "-5m", "2026-01-31", "99999999999999999999d"})
    void otherTextsAreRefused(String since) {
        assertThatThrownBy(() -> EventsCommand.sinceUnixMs(since, NOW))
                .isInstanceOf(CliException.class)
                .hasMessageContaining("--since: expected")
                .hasMessageContaining(since);
    }
}
