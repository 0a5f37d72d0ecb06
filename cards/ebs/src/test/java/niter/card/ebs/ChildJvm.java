package niter.card.ebs;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One of our classes in a JVM of its own, which says on its standard output how far it is. */
final class ChildJvm implements AutoCloseable {
    private final Process process;
    private final BufferedReader output;

    ChildJvm(List<String> command) throws IOException {
        process =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        output = process.inputReader(StandardCharsets.UTF_8);
    }

    ChildJvm(Class<?> main, String... arguments) throws IOException {
        this(command(main, arguments));
    }

    /** The command that runs a class. */
    static List<String> command(Class<?> main, String... arguments) {
        String path =
                Stream.of(
                                System.getProperty("jdk.module.path", ""),
                                System.getProperty("java.class.path", ""),
                                "target/test-classes")
                        .filter(part -> !part.isEmpty())
                        .map(ChildJvm::absolute)
                        .collect(Collectors.joining(File.pathSeparator));
        List<String> command =
                new ArrayList<>(
                        List.of(
                                System.getProperty("java.home") + "/bin/java",
                                "-XX:TieredStopAtLevel=1",
                                "-XX:+UseSerialGC",
                                "-Xmx48m",
                                "--enable-native-access=ALL-UNNAMED",
                                "-cp",
                                path,
                                main.getName()));
        command.addAll(List.of(arguments));
        return command;
    }

    /** Other processes may run elsewhere. */
    private static String absolute(String path) {
        return Stream.of(path.split(File.pathSeparator))
                .map(part -> new File(part).getAbsolutePath())
                .collect(Collectors.joining(File.pathSeparator));
    }

    /** The next line, or "end" where there is none. */
    String line() throws IOException {
        String line = output.readLine();
        return line == null ? "end" : line;
    }

    void kill() {
        process.destroyForcibly(); // SIGKILL; it may live for some more moments
    }

    int exitStatus() throws InterruptedException {
        return process.waitFor();
    }

    @Override
    public void close() {
        kill();
    }
}
