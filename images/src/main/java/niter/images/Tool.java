package niter.images;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Unpacked Debian packages whose programs run on this machine, whatever its own libraries are.
 *
 * @param root where they are unpacked
 */
public record Tool(Path root) {
    private static final List<String> FOLDERS = List.of("usr/bin", "usr/sbin", "bin", "sbin");

    /**
     * How to start one of its programs.
     *
     * @param program the program's name: "mke2fs"
     * @param arguments what follows
     * @throws ImageException if no package brought it
     */
    public List<String> command(String program, String... arguments) {
        for (String folder : FOLDERS) {
            Path file = root.resolve(folder).resolve(program);
            if (Files.isExecutable(file)) {
                List<String> command = new ArrayList<>(loader(root));
                command.add(file.toString());
                command.addAll(List.of(arguments));
                return command;
            }
        }
        throw new ImageException("No program " + program + " in " + root + ": remove that folder");
    }

    /** The root's own loader, told to look only at the root's libraries. */
    static List<String> loader(Path root) {
        return List.of(
                root.resolve("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2").toString(),
                "--library-path",
                root.resolve("usr/lib/x86_64-linux-gnu").toString());
    }
}
