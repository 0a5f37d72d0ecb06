package niter.images;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EngineFetchTest {
    @ParameterizedTest
    @CsvSource({
        "7.2.22, false",
        "10.0.11, false",
        "10.1.0, false",
        "10.1.1, true",
        "10.2.0, true",
        "11.1.3, true"
    })
    void tenOneOneIsTheOldestThatWillDo(String version, boolean enough) {
        assertThat(EngineFetch.newEnough(version)).isEqualTo(enough);
    }
}
