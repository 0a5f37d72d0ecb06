package niter.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Arguments as the bytes that this process was started with: Java's strings have lost what the
 * locale's encoding cannot say.
 */
final class OriginalArguments {
    private OriginalArguments() {}

    /** The last arguments of this process, which Java knows as these. */
    static List<byte[]> last(List<String> known) {
        try {
            return last(Files.readAllBytes(Path.of("/proc/self/cmdline")), known);
        } catch (IOException e) {
            return known.stream().map(text -> text.getBytes(StandardCharsets.UTF_8)).toList();
        }
    }

    static List<byte[]> last(byte[] commandLine, List<String> known) {
        List<byte[]> all = new ArrayList<>();
        int from = 0;
        for (int at = 0; at < commandLine.length; at++) {
            if (commandLine[at] == 0) {
                byte[] argument = new byte[at - from];
                System.arraycopy(commandLine, from, argument, 0, argument.length);
                all.add(argument);
                from = at + 1;
            }
        }
        return all.subList(Math.max(0, all.size() - known.size()), all.size());
    }
}
