package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a first run says where the machine is not as it should be, and that it leaves nothing. */
@Tag("guest")
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class BadInputTest {
    private static final String NOBODY_LISTENS = "http://127.0.0.1:9";

    private final Path home;
    private final TestHost host;

    BadInputTest(@TempDir Path home) {
        this.home = home;
        host = new TestHost(home);
    }

    @Test
    void aStateDirectoryOfANewerVersionIsNamedAndLeftAlone() throws IOException {
        Path version = Files.createDirectory(home.resolve("niter")).resolve("version");
        Files.writeString(version, "999\n");
        assertFails(
                Map.of(),
                "niter: " + version + ": version 999 is newer than this niter, which knows 1");
        assertThat(version).hasContent("999");
        assertThat(files(home)).containsExactly("niter", "niter/version");
    }

    @Test
    void aStateDirectoryThatIsNoneIsNamedWithTheMend() throws IOException {
        Path file = Files.writeString(home.resolve("niter"), "a file");
        assertFails(
                Map.of(),
                "niter: %s: cannot be used (not a directory): make it a directory that you may"
                        .formatted(file));
        assertThat(files(home)).containsExactly("niter");
    }

    @Test
    void noNetworkAtTheFirstRunIsSaid() throws IOException {
        Map<String, String> offline =
                Map.of(
                        "XDG_CACHE_HOME", home.resolve("cache").toString(),
                        "http_proxy", NOBODY_LISTENS,
                        "https_proxy", NOBODY_LISTENS);
        assertFails(offline, "niter: Cannot reach this machine's Debian mirror");
        assertThat(files(home)).noneMatch(name -> name.endsWith(".deb") || name.contains("vol-"));
        assertThat(host.state().keeperSocket()).doesNotExist();
    }

    @Test
    void aCacheThatIsNoneIsNamedWithTheMend() throws IOException {
        Path file = Files.writeString(home.resolve("cache"), "a file");
        assertFails(
                Map.of("XDG_CACHE_HOME", file.toString()),
                "niter: Cannot write in the cache " + file + "/niter (Not a directory): mend that");
    }

    private void assertFails(Map<String, String> environment, String message) throws IOException {
        TestHost.Ended ended = host.start(new byte[0], environment, "run", "--", "true").await();
        assertThat(ended.errors()).startsWith(message).hasLineCount(1);
        assertThat(ended.output()).isEmpty();
        assertThat(ended.status()).isEqualTo(125);
    }

    private static List<String> files(Path root) throws IOException {
        try (var files = Files.walk(root)) {
            return files.filter(file -> !file.equals(root))
                    .map(file -> root.relativize(file).toString())
                    .sorted()
                    .toList();
        }
    }
}
