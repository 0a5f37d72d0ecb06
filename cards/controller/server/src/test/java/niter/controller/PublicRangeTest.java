package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import niter.controller.control.StateDirectory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two outposts of one host have different addresses. */
class PublicRangeTest {
    @TempDir Path directory;

    private StateDirectory state(String name) throws Exception {
        return StateDirectory.of(directory.resolve(name)).open();
    }

    @Test
    void aRangeIsKeptAndNobodyElseHasIt() throws Exception {
        StateDirectory one = state("one");
        PublicRange first = PublicRange.of(one);
        String kept = Files.readString(one.root().resolve("public-range")).strip();
        assertThat(first.toString()).isEqualTo(kept);
        assertThat(first.address(7)).isEqualTo(kept.replace(".0/24", ".7"));
        StateDirectory other = state("other");
        Files.writeString(other.root().resolve("public-range"), kept + "\n");
        assertThat(PublicRange.of(other).toString()).isEqualTo(kept + " (shared)");
    }

    @Test
    void aDamagedFileIsNamed() throws Exception {
        StateDirectory one = state("one");
        Files.writeString(one.root().resolve("public-range"), "10.0.0.0/8\n");
        assertThatThrownBy(() -> PublicRange.of(one))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("public-range: expected a line like 127.42.7.0/24");
    }
}
