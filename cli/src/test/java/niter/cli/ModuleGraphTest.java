package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The folders and modules are the block diagram. */
class ModuleGraphTest {
    private static final Pattern MODULE = Pattern.compile("<module>([^<]+)</module>");

    private final Path root = root();

    private static Path root() {
        Path folder = Path.of("").toAbsolutePath();
        while (folder != null && !Files.exists(folder.resolve("ARCHITECTURE.md"))) {
            folder = folder.getParent();
        }
        if (folder == null) {
            throw new IllegalStateException("not in the repository");
        }
        return folder;
    }

    @Test
    void theGraphIsTheArchitectures() throws IOException {
        ModuleGraph graph = ModuleGraph.read(root);
        assertThat(graph.required().keySet())
                .contains("niter.linux", "niter.pcie", "niter.nvme", "niter.card.ebs")
                .contains("niter.keeper", "niter.controller", "niter.hypervisor", "niter.cli");
        assertThat(graph.violations()).isEmpty();
    }

    @Test
    void theFoldersAreTheModules() throws IOException {
        Set<String> named = new TreeSet<>();
        MODULE.matcher(Files.readString(root.resolve("pom.xml")))
                .results()
                .forEach(match -> named.add(match.group(1)));
        Set<String> folders = new TreeSet<>();
        for (Path pom : ModuleGraph.files(root, "pom.xml")) {
            String folder = root.relativize(pom.getParent()).toString();
            if (!folder.isEmpty()) {
                folders.add(folder);
            }
        }
        assertThat(folders).isEqualTo(named);
    }

    @Test
    void whatIsNotAllowedIsFound() {
        ModuleGraph graph =
                new ModuleGraph(
                        Map.of(
                                "niter.card.ebs", Set.of("niter.linux", "niter.card.vpc"),
                                "niter.hypervisor", Set.of("niter.card.ebs"),
                                "niter.pcie", Set.of("niter.nvme"),
                                "niter.keeper", Set.of("niter.controller.northbound"),
                                "niter.lab", Set.of("niter.card.ebs")));
        assertThat(graph.violations())
                .containsExactlyInAnyOrder(
                        "niter.card.ebs requires niter.card.vpc",
                        "niter.hypervisor requires niter.card.ebs",
                        "niter.pcie requires niter.nvme",
                        "niter.keeper requires niter.controller.northbound");
    }
}
