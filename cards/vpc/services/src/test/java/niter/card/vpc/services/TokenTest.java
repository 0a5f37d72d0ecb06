package niter.card.vpc.services;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Tokens: whose, for how long, and made by whom. */
class TokenTest {
    private Instant now = Instant.parse("2026-11-27T10:00:00Z");
    private final Tokens tokens = new Tokens(new byte[Tokens.KEY_BYTES], () -> now);

    @Test
    void itIsGoodForItsScopeUntilItEnds() {
        String token = tokens.issue("eni-1/i-1", Duration.ofSeconds(2));
        assertThat(token).matches("[A-Za-z0-9_-]{56}");
        assertThat(tokens.isGood(token, "eni-1/i-1")).isTrue();
        assertThat(tokens.isGood(token, "eni-1/i-2")).isFalse();
        now = now.plusMillis(1999);
        assertThat(tokens.isGood(token, "eni-1/i-1")).isTrue();
        now = now.plusMillis(1);
        assertThat(tokens.isGood(token, "eni-1/i-1")).isFalse();
    }

    @Test
    void noCharacterCanBeChanged() {
        String token = tokens.issue("eni-1/i-1", Duration.ofHours(1));
        for (int i = 0; i < token.length(); i++) {
            char other = token.charAt(i) == 'A' ? 'B' : 'A';
            String forged = token.substring(0, i) + other + token.substring(i + 1);
            assertThat(tokens.isGood(forged, "eni-1/i-1")).isFalse();
        }
        assertThat(tokens.isGood("", "eni-1/i-1")).isFalse();
        assertThat(tokens.isGood("é".repeat(56), "eni-1/i-1")).isFalse();
        assertThat(tokens.isGood(token + token, "eni-1/i-1")).isFalse();
    }

    @Test
    void theKeyDecides() {
        byte[] key = new byte[Tokens.KEY_BYTES];
        key[0] = 1;
        Tokens others = new Tokens(key, () -> now);
        String token = others.issue("eni-1/i-1", Duration.ofHours(1));
        assertThat(tokens.isGood(token, "eni-1/i-1")).isFalse();
        assertThat(new Tokens(key, () -> now).isGood(token, "eni-1/i-1")).isTrue();
    }

    @Test
    void aClockSetBackDoesNotMakeItLastLonger() {
        String token = tokens.issue("eni-1/i-1", Tokens.LONGEST);
        now = now.minusSeconds(1);
        assertThat(tokens.isGood(token, "eni-1/i-1")).isFalse();
    }

    @Test
    void theyDiffer() {
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < 100; i++) {
            seen.add(tokens.issue("eni-1/i-1", Duration.ofHours(1)));
        }
        assertThat(seen).hasSizeGreaterThan(90);
    }
}
