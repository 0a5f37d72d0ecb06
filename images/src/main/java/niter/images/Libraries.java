package niter.images;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The shared libraries that a program of an unpacked root needs. */
final class Libraries {
    /** The loader's name, which is also its file's. */
    static final String LOADER = "ld-linux-x86-64.so.2";

    private static final Pattern FOUND = Pattern.compile("\\s*\\S+ => (/\\S+) \\(0x[0-9a-f]+\\)");

    private Libraries() {}

    /** The files, the loader included; empty where one is missing. */
    static List<Path> of(Path root, String program) {
        List<String> command = new ArrayList<>(Tool.loader(root));
        Path loader = Path.of(command.getFirst());
        if (!Files.exists(loader)) {
            return List.of();
        }
        command.add("--list");
        command.add(root.resolve(program).toString());
        Command.Result result = Command.run(command, Map.of());
        if (!result.good() || result.output().stream().anyMatch(l -> l.contains("not found"))) {
            return List.of();
        }
        List<Path> libraries = new ArrayList<>();
        libraries.add(loader);
        for (String line : result.output()) {
            Matcher matcher = FOUND.matcher(line);
            if (matcher.matches() && !matcher.group(1).endsWith("/" + LOADER)) {
                libraries.add(Path.of(matcher.group(1)));
            }
        }
        return libraries;
    }
}
