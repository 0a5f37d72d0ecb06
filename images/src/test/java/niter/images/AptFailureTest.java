package niter.images;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AptFailureTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "W: Failed to fetch http://m.example/dists/trixie/InRelease  Temporary failure"
                        + " resolving 'm.example'|NETWORK",
                "E: Failed to fetch http://m.example/x.deb  Could not connect to m.example:80"
                        + " (192.0.2.1), connection timed out|NETWORK",
                "W: Failed to fetch http://m.example/x  Could not resolve 'm.example'|NETWORK",
                "E: Failed to fetch http://m.example/x.deb  Hash Sum mismatch|CORRUPT",
                "E: Failed to fetch http://m.example/x.deb  File has unexpected size (5 != 9)."
                        + " Mirror sync in progress?|CORRUPT",
                "E: Failed to fetch http://m.example/x.deb  404  Not Found|STALE",
                "W: GPG error: http://m.example trixie InRelease: The following signatures couldn't be"
                        + " verified because the public key is not available: NO_PUBKEY"
                        + " 6ED0E7B82643E131|KEYRING",
                "E: Write error - write (28: No space left on device)|SPACE",
                "E: You don't have enough free space in /c/archives/.|SPACE",
                "E: Unable to locate package qemu-system-x86|MISSING",
                "E: Unmet dependencies.|OTHER",
            })
    void complaintsOfAptAreTold(String line, AptFailure failure) {
        Command.Result result = new Command.Result(100, List.of(), List.of(line));
        assertThat(AptFailure.of(result)).isEqualTo(failure);
        assertThat(AptFailure.toException(result, Path.of("/c"), "the engine").getMessage())
                .contains("the engine")
                .doesNotContain("\n", "{");
    }

    @Test
    void aWarningThatIsNoneOfTheseIsNoFailure() {
        assertThat(
                        AptFailure.of(
                                new Command.Result(
                                        0,
                                        List.of(),
                                        List.of("W: Download is performed unsandboxed"))))
                .isNull();
    }
}
