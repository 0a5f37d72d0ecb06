package niter.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class RecipeTest {
    static List<String> names() {
        return Recipe.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyRecipeCanBeRead(String name) {
        Recipe recipe = Recipe.named(name);
        assertThat(recipe.kernelPackage()).isEqualTo("linux-image-cloud-amd64");
        assertThat(recipe.packages()).contains("busybox-static", "perl-base");
        assertThat(recipe.sizeBytes()).isEqualTo(8L << 30);
        assertThat(recipe.digest()).matches("[0-9a-f]{64}").isEqualTo(Recipe.named(name).digest());
        assertThat(recipe.additions().stream().map(Recipe.Addition::place)).doesNotHaveDuplicates();
    }

    @Test
    void recipesDifferInTheirDigests() {
        assertThat(new HashSet<>(names().stream().map(n -> Recipe.named(n).digest()).toList()))
                .hasSameSizeAs(names());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "macro", "../micro", "micro.recipe"})
    void anUnknownNameIsAnsweredWithTheKnownOnes(String name) {
        assertThatThrownBy(() -> Recipe.named(name))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("micro, micro-6.1, tools, tools-6.1, drivers");
    }

    /** Our programs load no module to start fast; strictness is checked here instead. */
    @ParameterizedTest
    @ValueSource(strings = {"agent", "metadata"})
    void programsAreStrictPerl(String name, @TempDir Path folder) throws Exception {
        for (Recipe.Addition addition : Recipe.named("micro").additions()) {
            if (addition instanceof Recipe.Addition.Text(String place, int mode, String content)
                    && place.equals("usr/lib/niter/" + name)) {
                Path program = Files.writeString(folder.resolve(name), content);
                Command.Result result =
                        Command.run(
                                List.of("perl", "-Mstrict", "-w", "-c", program.toString()),
                                Map.of());
                assertThat(result.errors()).containsExactly(program + " syntax OK");
                return;
            }
        }
        throw new AssertionError("no " + name);
    }
}
