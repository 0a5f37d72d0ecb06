package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import niter.controller.northbound.NorthboundChannel;
import niter.controller.northbound.UpdateCardRequest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Cards that are updated under verified load (load.pl), to builds that serve and that do not. */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UpdateTest {
    private final TestHost host;
    private final Path builds;
    private final Path dist = Path.of(String.valueOf(System.getenv("NITER_DIST")));
    private TestGuest guest;

    UpdateTest(@TempDir Path home, @TempDir Path builds) {
        host = new TestHost(home);
        guest = new TestGuest(host, "");
        this.builds = builds;
    }

    @BeforeAll
    void begin() throws IOException {
        guest = new TestGuest(host, host.succeed("run", "--detach").strip());
    }

    @AfterAll
    void end() throws IOException {
        host.close();
    }

    /** Another directory with the same build in it, but for jars whose names begin so. */
    private Path build(String name, String without) throws IOException {
        Path from = dist.toRealPath();
        Path to = builds.resolve(name);
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path target = to.resolve(from.relativize(file).toString());
                String named = file.getFileName().toString();
                if (Files.isDirectory(file)) {
                    Files.createDirectories(target);
                } else if (named.endsWith(".args")) {
                    String text = Files.readString(file);
                    Files.writeString(target, text.replace(from.toString(), to.toString()));
                } else if (without.isEmpty() || !named.startsWith(without)) {
                    Files.copy(file, target);
                }
            }
        }
        return to;
    }

    /** The same build of later sources, of a layout of segments that is two versions on. */
    private Path later(String name) throws IOException, InterruptedException {
        Path to = build(name, "");
        Path sources = Path.of("..", "pcie", "src", "main", "java", "niter", "pcie");
        Path changed = Files.createDirectories(builds.resolve(name + "-sources"));
        String layout = Files.readString(sources.resolve("SegmentLayout.java"));
        Matcher version = Pattern.compile("VERSION = ([0-9]+)").matcher(layout);
        Files.writeString(
                changed.resolve("SegmentLayout.java"),
                version.replaceAll(now -> "VERSION = " + (Integer.parseInt(now.group(1)) + 2)));
        Files.copy(
                sources.resolve("FunctionSegment.java"), changed.resolve("FunctionSegment.java"));
        Path classes = builds.resolve(name + "-classes");
        int status =
                new ProcessBuilder(
                                System.getProperty("java.home") + "/bin/javac",
                                "-p",
                                to.resolve("ebs").toString(),
                                "--patch-module",
                                "niter.pcie=" + changed,
                                "-d",
                                classes.toString(),
                                changed.resolve("SegmentLayout.java").toString(),
                                changed.resolve("FunctionSegment.java").toString())
                        .inheritIO()
                        .start()
                        .waitFor();
        assertThat(status).isZero();
        for (String card : List.of("ebs", "vpc")) {
            Path arguments = to.resolve(card + ".args");
            Files.writeString(
                    arguments,
                    "--patch-module niter.pcie=%s %s"
                            .formatted(classes, Files.readString(arguments)));
        }
        return to;
    }

    private long update(String card, String java, Path build) {
        try (NorthboundChannel channel =
                NorthboundChannel.open(host.state().controllerSocket(), Duration.ofSeconds(30))) {
            return channel.blocking()
                    .updateCard(
                            UpdateCardRequest.newBuilder()
                                    .setCard(card)
                                    .setJava(java)
                                    .setDist(build.toString())
                                    .build())
                    .getPauseMs();
        }
    }

    private void isRefused(String card, String java, Path build) {
        assertThatThrownBy(() -> update(card, java, build))
                .isInstanceOf(StatusRuntimeException.class)
                .hasMessageContaining("the build that ran serves");
    }

    private void staysAsItIs(String card, String java, Path build) {
        int before = host.pid(card);
        isRefused(card, java, build);
        assertThat(host.pid(card)).isEqualTo(before);
    }

    /** It is handed everything, and can do nothing with it: the one before is started again. */
    private void comesBack(String card, String java, Path build, Path before) throws IOException {
        isRefused(card, java, build);
        assertThat(Path.of("/proc/" + host.pid(card) + "/cmdline"))
                .content()
                .contains(before.toString());
    }

    @Test
    void anUpdateIsAPauseAndOneThatFailsIsNothing() throws Exception {
        String java = Files.readString(dist.resolve("java")).strip();
        Path next = build("next", "");
        CompletableFuture<TestHost.Ended> load =
                guest.start("perl", "-e", TestGuest.script("load.pl"), "60");
        for (String card : List.of("ebs", "vpc")) {
            int before = host.pid(card);
            System.out.printf("update of %s: a pause of %d ms%n", card, update(card, java, next));
            assertThat(host.pid(card)).isNotEqualTo(before);
            assertThat(Path.of("/proc/" + host.pid(card) + "/cmdline"))
                    .content()
                    .contains(next.toString());
        }
        staysAsItIs("ebs", "/no/java", next);
        staysAsItIs("ebs", java, build("broken", "niter-nvme"));
        staysAsItIs("vpc", java, build("broken-vpc", "niter-ena"));
        Path later = later("later");
        comesBack("ebs", java, later, next);
        comesBack("vpc", java, later, next);
        assertThat(load).isNotDone();
        assertThat(load.join().text())
                .matches("started\noperations [0-9]{3,}, errors 0, pause [0-9]+ ms\n");
        assertThat(guest.shell("dmesg"))
                .doesNotContain("I/O error", "EXT4-fs error", "resetting controller");
        assertThat(host.succeed("events"))
                .containsPattern("ebs +ended +handed over to another build")
                .containsPattern("ebs +serving +[0-9]+ ms")
                .containsPattern("ebs +not-updated .*it ended before it served: exit status 1")
                .containsPattern("vpc +serving +[0-9]+ ms")
                .containsPattern("vol-[0-9a-f]+ +failed +segment is of another kind or version")
                .containsPattern("vpc +ended +exit status 1");
    }
}
