package niter.cli;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which module requires which, as the sources say, and what the architecture allows: what lies
 * beneath (linux, pcie, nvme, ena, each only those before it) and the controller's API. Cards never
 * use each other, the hypervisor never a card; only the cli uses images; lab may compose anything.
 */
record ModuleGraph(Map<String, Set<String>> required) {
    private static final List<String> BENEATH =
            List.of("niter.linux", "niter.pcie", "niter.nvme", "niter.ena");
    private static final String CONTROL = "niter.controller.control";
    private static final String NORTHBOUND = "niter.controller.northbound";

    /** gRPC is for those that speak northbound, and costs each process some 30 MB. */
    private static final Set<String> SPEAK_NORTHBOUND = Set.of("niter.controller", "niter.cli");

    private static final Pattern NAME = Pattern.compile("module\\s+([a-z.]+)\\s*\\{");
    private static final Pattern REQUIRES =
            Pattern.compile("requires\\s+(?:static\\s+|transitive\\s+)*(niter\\.[a-z.]+)\\s*;");

    /** Reads every module-info.java below a folder. */
    static ModuleGraph read(Path root) throws IOException {
        Map<String, Set<String>> required = new TreeMap<>();
        for (Path file : files(root, "module-info.java")) {
            String text = Files.readString(file);
            Matcher name = NAME.matcher(text);
            if (!name.find()) {
                throw new IOException(file + ": no module");
            }
            Set<String> names = new TreeSet<>();
            REQUIRES.matcher(text).results().map(ModuleGraph::first).forEach(names::add);
            required.put(name.group(1), names);
        }
        return new ModuleGraph(required);
    }

    /** Files of a name, but those in build folders. */
    static List<Path> files(Path root, String name) throws IOException {
        List<Path> found = new ArrayList<>();
        Files.walkFileTree(
                root,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult preVisitDirectory(
                            Path folder, BasicFileAttributes attributes) {
                        String last = folder.getFileName().toString();
                        return last.equals("target") || last.equals(".git")
                                ? FileVisitResult.SKIP_SUBTREE
                                : FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                        if (file.endsWith(name)) {
                            found.add(file);
                        }
                        return FileVisitResult.CONTINUE;
                    }
                });
        return found;
    }

    private static String first(MatchResult match) {
        return match.group(1);
    }

    /** Every requirement that is not allowed, as "module requires module". */
    List<String> violations() {
        List<String> violations = new ArrayList<>();
        required.forEach(
                (module, names) -> {
                    for (String name : names) {
                        if (!allows(module, name)) {
                            violations.add(module + " requires " + name);
                        }
                    }
                });
        return violations;
    }

    private static boolean allows(String module, String name) {
        int place = BENEATH.indexOf(name);
        if (module.equals("niter.lab")) {
            return true;
        }
        if (BENEATH.contains(module)) {
            return place >= 0 && place < BENEATH.indexOf(module);
        }
        if (module.equals(CONTROL) || module.equals(NORTHBOUND) || module.equals("niter.images")) {
            return name.equals("niter.linux");
        }
        return place >= 0
                || name.equals(CONTROL)
                || name.equals(NORTHBOUND) && SPEAK_NORTHBOUND.contains(module)
                || name.equals("niter.images") && module.equals("niter.cli");
    }
}
