package niter.keeper;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** What /proc says about processes. proc(5). */
final class Proc {
    private static final Path PROC = Path.of("/proc");
    private static final int START_TIME_FIELD = 22;
    private static final int FIRST_FIELD_AFTER_NAME = 3;

    private Proc() {}

    /** When a process started, in ticks since boot; 0 if there is no such process. */
    static long startedTicks(int pid) {
        try {
            String stat = Files.readString(of(pid, "stat"), StandardCharsets.ISO_8859_1);
            // The name is in parentheses and may contain both spaces and parentheses.
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return Long.parseLong(fields[START_TIME_FIELD - FIRST_FIELD_AFTER_NAME]);
        } catch (IOException e) {
            return 0;
        }
    }

    /** Memory that only this process has, in bytes; 0 if there is no such process. */
    static long privateBytes(int pid) {
        try {
            long kib = 0;
            for (String line : Files.readAllLines(of(pid, "smaps_rollup"))) {
                if (line.startsWith("Private_Clean:") || line.startsWith("Private_Dirty:")) {
                    kib += Long.parseLong(line.replaceAll("[^0-9]", ""));
                }
            }
            return kib * 1024;
        } catch (IOException e) {
            return 0;
        }
    }

    /**
     * Other processes of this user by the value of a variable in the environment they started with.
     */
    static Map<String, Integer> byVariable(String name) {
        Map<String, Integer> found = new HashMap<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(PROC, "[1-9]*")) {
            for (Path process : all) {
                int pid = Integer.parseInt(process.getFileName().toString());
                if (pid == ProcessHandle.current().pid()) {
                    continue;
                }
                for (String entry : environment(pid)) {
                    if (entry.startsWith(name + "=")) {
                        found.put(entry.substring(name.length() + 1), pid);
                    }
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException("/proc cannot be read", e);
        }
        return found;
    }

    private static String[] environment(int pid) {
        try {
            return Files.readString(of(pid, "environ"), StandardCharsets.ISO_8859_1).split("\0");
        } catch (IOException e) {
            return new String[0]; // it ended, or is another user's
        }
    }

    /** Different after each boot of the host. */
    static String bootId() throws IOException {
        return Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip();
    }

    private static Path of(int pid, String file) {
        return PROC.resolve(Integer.toString(pid)).resolve(file);
    }
}
