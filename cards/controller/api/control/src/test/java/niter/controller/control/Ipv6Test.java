package niter.controller.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Ipv6Test {
    /** RFC 5952's own examples among them. */
    @ParameterizedTest
    @CsvSource({
        "2001:db8::1,               2001:0db8:0:0:0:0:0:1",
        "2001:db8::1:0:0:1,         2001:db8:0:0:1:0:0:1",
        "2001:db8:0:1:1:1:1:1,      2001:db8:0:1:1:1:1:1",
        "2001:0:0:1::1,             2001:0:0:1:0:0:0:1",
        "::,                        0:0:0:0:0:0:0:0",
        "::1,                       0:0:0:0:0:0:0:1",
        "1::,                       1:0:0:0:0:0:0:0",
        "fe80::c00:acff:fe1f:0,     FE80::0C00:ACFF:FE1F:0000",
        "fd6e:6974:6572::ac1f:4,    fd6e:6974:6572:0:0:0:ac1f:4"
    })
    void isWrittenInOneWayOnly(String canonical, String other) {
        assertThat(Ipv6.of(other).toString()).isEqualTo(canonical);
        assertThat(Ipv6.of(canonical)).isEqualTo(Ipv6.of(other));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "1",
                "1.2.3.4",
                "::ffff:1.2.3.4",
                "fe80::1%lo",
                "[::1]",
                "1::2::3",
                ":",
                "12345::"
            })
    void whatIsNoneIsRefused(String text) {
        assertThatThrownBy(() -> Ipv6.of(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected an IPv6 address");
    }

    @Test
    void whatIsWrittenIsRead() {
        SplittableRandom random = new SplittableRandom(6);
        for (int i = 0; i < 20_000; i++) {
            Ipv6 address = new Ipv6(sparse(random), sparse(random));
            boolean mapped = address.high() == 0 && address.low() >>> 32 == 0xffff;
            assertThat(mapped || Ipv6.of(address.toString()).equals(address))
                    .as(address.toString())
                    .isTrue();
        }
    }

    /** With groups that are zero. */
    private static long sparse(SplittableRandom random) {
        long value = 0;
        for (int i = 0; i < 4; i++) {
            value = value << 16 | (random.nextBoolean() ? random.nextInt(1 << 16) : 0);
        }
        return value;
    }

    @Test
    void rangesAreThoseOfArithmetic() {
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < 20_000; i++) {
            int bits = random.nextInt(129);
            Ipv6 inside = new Ipv6(random.nextLong(), random.nextLong());
            Ipv6.Range range = Ipv6.Range.around(inside, bits);
            int flipped = random.nextInt(128);
            Ipv6 other =
                    flipped < 64
                            ? new Ipv6(inside.high() ^ 1L << 63 - flipped, inside.low())
                            : new Ipv6(inside.high(), inside.low() ^ 1L << 127 - flipped);
            assertThat(range.contains(inside.high(), inside.low())).isTrue();
            assertThat(range.contains(other.high(), other.low()))
                    .as("%s, %s", range, other)
                    .isEqualTo(number(inside).xor(number(other)).bitLength() <= 128 - bits);
            assertThat(Ipv6.Range.of(range.toString())).isEqualTo(range);
        }
        assertThatThrownBy(() -> Ipv6.Range.of("fd00::1/8")).hasMessageContaining("host bits");
        assertThatThrownBy(() -> Ipv6.Range.of("fd00::/129")).hasMessageContaining("host bits");
        assertThatThrownBy(() -> Ipv6.Range.of("fd00::")).hasMessageContaining("ADDRESS/BITS");
    }

    private static BigInteger number(Ipv6 address) {
        byte[] bytes =
                ByteBuffer.allocate(16).putLong(address.high()).putLong(address.low()).array();
        return new BigInteger(1, bytes);
    }
}
