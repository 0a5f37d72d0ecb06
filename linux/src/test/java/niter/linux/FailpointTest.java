package niter.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FailpointTest {
    private static final int KILLED = 128 + Signals.SIGKILL;

    @TempDir Path directory;

    /** A process that takes one step eight times, and says so each time. */
    static final class Stepping {
        private Stepping() {}

        public static void main(String[] arguments) {
            try {
                Failpoint.check();
            } catch (IllegalArgumentException e) {
                System.out.println(e.getMessage());
                return;
            }
            for (int i = 0; i < 8; i++) {
                System.out.println(i);
                Failpoint.MESSAGE_APPLIED.hit();
            }
        }
    }

    private record Ended(int status, List<String> lines) {}

    private Ended run(String setting) throws IOException, InterruptedException {
        String path =
                String.join(
                        File.pathSeparator,
                        System.getProperty("jdk.module.path", ""),
                        System.getProperty("java.class.path", ""),
                        "target/classes",
                        "target/test-classes");
        ProcessBuilder builder =
                new ProcessBuilder(
                        System.getProperty("java.home") + "/bin/java",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        path,
                        Stepping.class.getName());
        builder.environment().put(Failpoint.VARIABLE, setting);
        Process process = builder.redirectErrorStream(true).start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Ended(process.waitFor(), text.lines().toList());
    }

    @Test
    void aProcessEndsAtTheHitThatWasAskedForAndItsSuccessorsDoNot() throws Exception {
        String setting = directory.resolve("points") + ",message-applied:3,message-sent:1";
        Ended first = run(setting);
        assertThat(first.status()).isEqualTo(KILLED);
        assertThat(first.lines()).containsExactly("0", "1", "2");
        Ended second = run(setting);
        assertThat(second.status()).isZero();
        assertThat(second.lines()).hasSize(8);
        try (FailpointFile file = FailpointFile.open(directory.resolve("points"))) {
            assertThat(file.hits(Failpoint.MESSAGE_APPLIED)).isEqualTo(11);
            assertThat(file.strikes(Failpoint.MESSAGE_APPLIED)).isEqualTo(1);
            assertThat(file.strikes(Failpoint.MESSAGE_SENT)).isZero();
            file.arm(Failpoint.MESSAGE_APPLIED, 8, 0);
        }
        assertThat(run(setting).lines()).hasSize(8); // killed by its last step
    }

    @Test
    void anotherProcessIsKilledAtAStep() throws Exception {
        Process other = new ProcessBuilder("/bin/sleep", "1000000").start();
        try (FailpointFile file = FailpointFile.open(directory.resolve("points"))) {
            file.arm(Failpoint.MESSAGE_APPLIED, 2, (int) other.pid());
            Ended ended = run(directory.resolve("points").toString());
            assertThat(ended.status()).isZero();
            assertThat(ended.lines()).hasSize(8);
            assertThat(other.waitFor()).isEqualTo(KILLED);
            assertThat(file.strikes(Failpoint.MESSAGE_APPLIED)).isEqualTo(1);
            file.arm(Failpoint.MESSAGE_APPLIED, 2, (int) other.pid());
            assertThat(run(directory.resolve("points").toString()).lines()).hasSize(8);
            assertThat(file.strikes(Failpoint.MESSAGE_APPLIED)).isEqualTo(1); // it was gone
        } finally {
            other.destroyForcibly();
        }
    }

    @Test
    void whatIsNotKnownIsAnErrorInOneLine() throws Exception {
        Ended ended = run(directory.resolve("points") + ",message-aplied:3");
        assertThat(ended.lines()).hasSize(1);
        assertThat(ended.lines().getFirst())
                .startsWith("NITER_FAILPOINTS: no failpoint \"message-aplied\", there are ")
                .contains("message-applied, ", "keeper-table-replaced, ");
        assertThat(directory.resolve("points")).doesNotExist();
        for (String wrong : new String[] {"points", ",message-applied:1", "/x,message-applied:0"}) {
            assertThat(run(wrong).lines()).singleElement().asString().contains(": expected ");
        }
        assertThat(run("/nonexistent/points").lines()).singleElement().asString().contains("made");
    }

    @Test
    void anotherBuildsFileIsRefused() throws Exception {
        Path file = directory.resolve("points");
        Files.writeString(file, "something else");
        assertThatThrownBy(() -> FailpointFile.open(file))
                .hasMessage(file + ": no failpoint file of this build: remove it");
    }

    @Test
    void nothingHappensWhereNothingIsSet() {
        Failpoint.check();
        for (Failpoint point : Failpoint.values()) {
            point.hit();
            assertThat(Failpoint.of(point.label())).isEqualTo(point);
        }
    }
}
