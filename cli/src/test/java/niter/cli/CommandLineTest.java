package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.AutoComplete;
import picocli.CommandLine;

/** Words that are no command, and what helps with those that are. */
class CommandLineTest {
    private final StringWriter output = new StringWriter();
    private final StringWriter errors = new StringWriter();

    private int execute(String... arguments) {
        CommandLine line = NiterMain.commandLine();
        line.setOut(new PrintWriter(output));
        line.setErr(new PrintWriter(errors));
        return line.execute(arguments);
    }

    @Test
    void anUnknownCommandIsOneLineWithAGuess() {
        assertThat(execute("prun")).isEqualTo(125);
        assertThat(errors.toString()).startsWith("niter: ").contains("prune").hasLineCount(1);
    }

    @Test
    void anUnknownOptionIsOneLineWithItsCommandsHelp() {
        assertThat(execute("ps", "--nonsense")).isEqualTo(125);
        assertThat(errors.toString())
                .startsWith("niter: ")
                .contains("--nonsense", "niter ps --help")
                .hasLineCount(1);
    }

    @Test
    void aMissingArgumentIsOneLine() {
        assertThat(execute("stop")).isEqualTo(125);
        assertThat(errors.toString()).contains("INSTANCE").hasLineCount(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "run",
                "ps",
                "console",
                "logs",
                "events",
                "stop",
                "start",
                "reboot",
                "terminate",
                "up",
                "down",
                "processes",
                "card",
                "df",
                "types",
                "ssh",
                "cp",
                "sg",
                "prefix-list",
                "ports",
                "vpc",
                "image",
                "prune",
                "doctor",
                "completion",
                "version"
            })
    void everyCommandHasHelpAndIsCompleted(String command) {
        assertThat(execute(command, "--help")).isZero();
        assertThat(output.toString()).contains("Usage: niter " + command);
        assertThat(AutoComplete.bash("niter", NiterMain.commandLine())).contains(" " + command);
    }

    @Test
    void whatFollowsAnInstanceOfSshIsTheCommands() {
        CommandLine.ParseResult parsed =
                NiterMain.commandLine().parseArgs("ssh", "-l", "admin", "one", "uname", "-r");
        assertThat(parsed.subcommand().matchedPositionalValue(1, java.util.List.<String>of()))
                .containsExactly("uname", "-r");
    }

    @Test
    void whatFollowsAGuestsCommandIsTheCommands() {
        CommandLine.ParseResult parsed =
                NiterMain.commandLine().parseArgs("run", "--", "ls", "--image", "-d", "@x");
        assertThat(parsed.subcommand().matchedPositionalValue(0, java.util.List.<String>of()))
                .containsExactly("ls", "--image", "-d", "@x");
    }
}
