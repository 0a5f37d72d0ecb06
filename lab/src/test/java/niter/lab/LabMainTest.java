package niter.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** What lab/run says to wrong arguments: one line that names the option. */
class LabMainTest {
    private final StringWriter output = new StringWriter();
    private final StringWriter errors = new StringWriter();

    private int execute(String arguments) {
        Path nowhere = Path.of("/nonexistent");
        CommandLine line =
                new LabMain(new Niter("/nonexistent/niter"), nowhere, nowhere).commandLine();
        line.setOut(new PrintWriter(output));
        line.setErr(new PrintWriter(errors));
        return line.execute(arguments.isEmpty() ? new String[0] : arguments.split(" "));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''|which command?",
                "nvm|did you mean nvme",
                "kills --kills 0|--kills: expected 1 or more, got 0",
                "kills --kills x|--kills",
                "kills --sede 4|--sede",
                "nvme --depth 0|--depth: expected 1 to 1023, got 0",
                "nvme --queues 33|--queues: expected 1 to 32, got 33",
                "nvme --block 1000|--block: expected a multiple of 512",
                "nvme --block 512K|--block: expected a multiple of 512, at most 256K",
                "nvme --size 1000|--size: expected a multiple of 4096",
                "nvme --size 12X|option '--size': expected bytes, or with K, M or G",
                "nvme --mix 1:2|--mix: expected READS:WRITES:FLUSHES",
                "nvme --mix 0:0:0|--mix: expected READS:WRITES:FLUSHES",
                "nvme --fua 101|--fua: expected 0 to 100, got 101",
                "nvme --rate -1|--rate: expected 0 or more",
                "nvme --rounds 0|--rounds: expected 1 or more, got 0",
                "nvme --seconds 0|--seconds: expected more than 0",
            })
    void aWrongArgumentIsOneLine(String arguments, String message) {
        assertThat(execute(arguments)).isEqualTo(2);
        assertThat(errors.toString())
                .startsWith("niter lab: ")
                .contains(message, "--help")
                .hasLineCount(1);
    }

    @ParameterizedTest
    @CsvSource({"start", "disk", "footprint", "packets", "nvme", "kills"})
    void everyCommandHasHelp(String command) {
        assertThat(execute(command + " --help")).isZero();
        assertThat(output.toString()).contains("Usage: niter lab " + command);
        assertThat(execute("--help")).isZero();
        assertThat(output.toString()).contains("  " + command);
    }

    @Test
    void aCardThatIsNotThereIsOneLine() {
        assertThat(execute("kills --seed 1")).isEqualTo(1);
        assertThat(errors.toString()).startsWith("niter lab: ").hasLineCount(1);
    }
}
