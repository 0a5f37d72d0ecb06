package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
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

    @Test
    void aTapDeviceThatIsNoneIsNamedAndNothingStarts() throws IOException {
        for (String device : new String[] {"none-such", "../tap", "-x", "sixteen-letters-", "lo"}) {
            TestHost.Ended ended = host.niter("up", "--tap=" + device);
            assertThat(ended.errors()).startsWith("niter: up: --tap " + device).hasLineCount(1);
            assertThat(ended.status()).isEqualTo(125);
        }
        assertThat(host.state().keeperSocket()).doesNotExist();
        assertThat(host.state().tap()).doesNotExist();
    }

    @Test
    void whatSecurityGroupsRefuseIsOneLineThatNamesTheField() throws IOException {
        host.succeed("up");
        try {
            host.succeed("sg", "create", "web", "--description", "a web server");
            refused("InvalidGroup.Duplicate: group_name: ", "create", "web");
            refused("InvalidGroup.Reserved: group_name: ", "create", "default");
            refused("CannotDelete: ", "delete", "default");
            refused("InvalidGroup.NotFound: security_group: ", "delete", "none");
            refused("InvalidParameterValue: port: ", rule("tcp", "23-22", "0.0.0.0/0"));
            refused("InvalidPermission.Malformed: port: ", rule("all", "22", "0.0.0.0/0"));
            refused("InvalidParameterValue: ip_protocol: ", rule("tpc", "22", "0.0.0.0/0"));
            refused("InvalidParameterValue: cidr_ipv4: ", rule("tcp", "22", "10.0.0.0/33"));
            refused("InvalidParameterValue: cidr_ipv6: ", rule("tcp", "22", "::/129"));
            refused("InvalidPermission.Malformed: ip_protocol: ", rule("icmp", "8", "::/0"));
            refused("InvalidGroup.NotFound: security_group: ", rule("tcp", "22", "none"));
            refused("InvalidPrefixListID.NotFound: prefix_list_id: ", rule("tcp", "1", "pl-1"));
            refused("sg: --port x: ", rule("tcp", "x", "0.0.0.0/0"));
            String[] good = rule("tcp", "22", "10.1.2.3/8");
            assertThat(host.succeed(sg(good))).matches("sgr-[0-9a-f]{17}\n");
            refused("InvalidPermission.Duplicate: ", good);
            assertThat(host.succeed("sg", "list", "web"))
                    .contains("10.0.0.0/8")
                    .doesNotContain("10.1");
            refused("InvalidPermission.NotFound: ", "revoke", "web", "--rule", "sgr-none");
            host.succeed("down");
            host.succeed("up");
            assertThat(host.succeed("sg", "list", "web")).as("kept").contains("10.0.0.0/8");
            host.succeed("sg", "delete", "web");
        } finally {
            host.close();
        }
    }

    private static String[] rule(String protocol, String port, String source) {
        return new String[] {
            "authorize", "web", "--protocol", protocol, "--port", port, "--source", source
        };
    }

    private static String[] sg(String... arguments) {
        return Stream.concat(Stream.of("sg"), Arrays.stream(arguments)).toArray(String[]::new);
    }

    private void refused(String message, String... arguments) throws IOException {
        TestHost.Ended ended = host.niter(sg(arguments));
        assertThat(ended.errors()).startsWith("niter: " + message).hasLineCount(1);
        assertThat(ended.output()).isEmpty();
        assertThat(ended.status()).isEqualTo(125);
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
