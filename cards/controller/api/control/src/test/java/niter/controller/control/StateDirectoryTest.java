package niter.controller.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateDirectoryTest {
    @TempDir Path home;
    private StateDirectory state;

    @BeforeEach
    void state() {
        state = StateDirectory.of(home.resolve("a/niter"));
    }

    @Test
    void makesWhatIsMissingForThisUserOnly() throws Exception {
        state.open();
        state.open(); // again is done already
        assertThat(state.root().resolve("version")).hasContent("1\n");
        for (Path made :
                new Path[] {
                    state.root(),
                    state.run(),
                    state.volumes(),
                    state.instances(),
                    state.logs(),
                    state.ssh()
                }) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(made)))
                    .isEqualTo("rwx------");
        }
        try (Stream<Path> all = Files.list(state.root())) {
            assertThat(all).hasSize(6); // nothing half-made
        }
    }

    @Test
    void refusesANewerOrDamagedVersionWithTheMend() throws Exception {
        state.open();
        Path version = state.root().resolve("version");
        Files.writeString(version, "2\n");
        assertThatThrownBy(state::open)
                .isInstanceOf(StateDirectoryException.class)
                .hasMessageStartingWith(version + ": version 2 is newer")
                .hasMessageContaining("update niter")
                .hasMessageNotContaining("\n");
        Files.writeString(version, "");
        assertThatThrownBy(state::open)
                .isInstanceOf(StateDirectoryException.class)
                .hasMessageStartingWith(version + ": expected the line 1");
    }

    @Test
    void refusesWhatIsNoDirectoryWithOneLine() throws IOException {
        Files.writeString(home.resolve("a"), "a file");
        assertThatThrownBy(state::open)
                .isInstanceOf(StateDirectoryException.class)
                .hasMessageContaining(home.resolve("a").toString())
                .hasMessageContaining("XDG_STATE_HOME")
                .hasMessageNotContaining("\n");
    }

    @Test
    void refusesAPathThatIsTooLongForSockets() {
        String base = home.resolve("a".repeat(90)).toString();
        assertThatThrownBy(() -> StateDirectory.from(Map.of("XDG_STATE_HOME", base), home).open())
                .isInstanceOf(StateDirectoryException.class)
                .hasMessageContaining("bytes too long for the sockets in it")
                .hasMessageContaining("XDG_STATE_HOME")
                .hasMessageNotContaining("\n");
        assertThat(home.resolve("a".repeat(90))).doesNotExist();
    }

    @Test
    void followsTheEnvironmentWhereItIsAnAbsolutePath() {
        assertThat(StateDirectory.from(Map.of("XDG_STATE_HOME", "/x"), home).root())
                .isEqualTo(Path.of("/x/niter"));
        Path usual = home.resolve(".local/state/niter");
        assertThat(StateDirectory.from(Map.of("XDG_STATE_HOME", "x"), home).root())
                .isEqualTo(usual);
        assertThat(StateDirectory.from(Map.of(), home).root()).isEqualTo(usual);
    }

    @Test
    void namesSockets() {
        assertThat(state.functionSocket("vol-1")).hasFileName("vol-1.sock");
        assertThat(state.runSocket("i-1")).hasFileName("i-1.run.sock");
        assertThat(state.keeperSocket()).isEqualTo(state.run().resolve("keeper.sock"));
    }
}
