package niter.card.ebs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Jazzer looks for inputs that reach new code in what reads a guest's, an engine's and a peer's
 * bytes; one that breaks it is printed. It begins with what reached most so far (fuzz/*.txt, an
 * input a line). Each target is a process of its own, on the class path: Jazzer changes classes as
 * they are loaded.
 */
class FuzzTest {
    private static final Pattern DONE = Pattern.compile("Done ([0-9]+) runs in [0-9]+ second");

    /** Targets lie beside the tests of their module. */
    enum Target {
        MESSAGES("niter.pcie.ServerFuzz", "../../pcie"),
        CONTROLLER("niter.nvme.ControllerFuzz", "../../nvme"),
        ADAPTER("niter.ena.AdapterFuzz", "../../ena"),
        CHANNEL("niter.controller.control.ChannelFuzz", "../controller/api/control"),
        REQUESTS("niter.card.ebs.AnswerFuzz", ".");

        final String className;
        final Path tests;

        Target(String className, String module) {
            this.className = className;
            tests = Path.of(module, "target", "test-classes");
        }
    }

    @TempDir Path directory;

    @ParameterizedTest
    @EnumSource
    void noInputBreaksIt(Target target) throws Exception {
        run(target, 12);
    }

    @Tag("long")
    @ParameterizedTest
    @EnumSource
    void noInputOfManyBreaksIt(Target target) throws Exception {
        run(target, 1200);
    }

    private void run(Target target, int seconds) throws IOException, InterruptedException {
        Path corpus = Files.createDirectory(directory.resolve("corpus"));
        unpack(target, corpus);
        Path quiet = directory.resolve("logging.properties");
        Files.writeString(quiet, "handlers=\n.level=OFF\n");
        List<String> command =
                new ArrayList<>(
                        List.of(
                                System.getProperty("java.home") + "/bin/java",
                                "-XX:+UseSerialGC",
                                "-Xmx256m",
                                "-XX:+EnableDynamicAgentLoading",
                                "--enable-native-access=ALL-UNNAMED",
                                "-Djava.util.logging.config.file=" + quiet,
                                "-cp",
                                classPath(target),
                                "com.code_intelligence.jazzer.Jazzer",
                                "--target_class=" + target.className,
                                "--instrumentation_includes=niter.**",
                                "--custom_hook_includes=niter.**",
                                "--reproducer_path=" + directory));
        command.addAll(
                List.of(
                        "-artifact_prefix=" + directory + "/",
                        "-max_total_time=" + seconds,
                        "-max_len=400",
                        "-timeout=20",
                        "-rss_limit_mb=0",
                        corpus.toString()));
        Path log = directory.resolve("log");
        Process process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        int status = process.waitFor();
        String said = Files.readString(log, StandardCharsets.ISO_8859_1);
        Matcher done = DONE.matcher(said);
        assertThat(status).as(said).isZero();
        assertThat(done.find()).as(said).isTrue();
        System.out.println(target + ": " + done.group());
        assertThat(Long.parseLong(done.group(1))).isPositive();
    }

    /** What an earlier search found worth keeping. */
    private static void unpack(Target target, Path corpus) throws IOException {
        String name = "fuzz/" + target.name().toLowerCase(java.util.Locale.ROOT) + ".txt";
        try (var file = Objects.requireNonNull(FuzzTest.class.getResourceAsStream(name), name)) {
            List<String> lines =
                    new String(file.readAllBytes(), StandardCharsets.US_ASCII).lines().toList();
            for (int n = 0; n < lines.size(); n++) {
                byte[] input = Base64.getDecoder().decode(lines.get(n));
                Files.write(corpus.resolve(Integer.toString(n)), input);
            }
        }
    }

    private static String classPath(Target target) {
        return Stream.of(
                        target.tests.toString(),
                        System.getProperty("jdk.module.path", ""),
                        System.getProperty("java.class.path", ""),
                        jazzer())
                .filter(part -> !part.isEmpty())
                .flatMap(part -> Stream.of(part.split(File.pathSeparator)))
                .map(part -> new File(part).getAbsolutePath())
                .collect(Collectors.joining(File.pathSeparator));
    }

    /** Wherever the build put it. */
    private static String jazzer() {
        var resource = ClassLoader.getSystemResource("com/code_intelligence/jazzer/Jazzer.class");
        String inside = Objects.requireNonNull(resource, "Jazzer is no dependency").getPath();
        return Path.of(URI.create(inside.substring(0, inside.indexOf('!')))).toString();
    }
}
