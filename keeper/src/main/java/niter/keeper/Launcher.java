package niter.keeper;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import niter.controller.control.protocol.RestartPolicy;
import niter.controller.control.protocol.Spawn;
import niter.linux.Descriptor;
import niter.linux.LinuxException;
import niter.linux.Processes;

/** Checks what a Spawn asks for, and does it. */
final class Launcher {
    /** In the environment of each process: whose it is, for {@link Proc#byVariable}. */
    static final String MARK = "NITER_PROCESS";

    private static final int FIRST_INHERITED = 3;

    private final Path root;

    Launcher(Path root) {
        this.root = root;
    }

    /** The mark of one process, which no other state directory's process has. */
    String mark(String process) {
        return root + "#" + process;
    }

    static void check(Spawn spec, List<Descriptor> inherit) throws RefusedException {
        StringBuilder texts = new StringBuilder();
        require(
                spec.getProcess().matches("[a-z0-9][a-z0-9-]{0,63}"),
                "process: expected 1 to 64 of a-z, 0-9 and -, got " + spec.getProcess());
        require(
                spec.getExecutable().startsWith("/"),
                "executable: expected an absolute path, got " + spec.getExecutable());
        require(spec.getArgumentsCount() > 0, "arguments: expected at least one");
        require(
                spec.getLogFile().isEmpty() || spec.getLogFile().startsWith("/"),
                "log_file: expected an absolute path, got " + spec.getLogFile());
        for (String entry : spec.getEnvironmentList()) {
            require(entry.indexOf('=') > 0, "environment: expected NAME=value, got " + entry);
        }
        require(
                spec.getRestart() != RestartPolicy.UNRECOGNIZED,
                "restart: expected RESTART_NEVER or RESTART_ALWAYS");
        require(
                inherit.isEmpty() || spec.getRestart() == RestartPolicy.RESTART_NEVER,
                "restart: expected RESTART_NEVER where descriptors are inherited");
        Stream.of(
                        List.of(spec.getExecutable(), spec.getLogFile()),
                        spec.getArgumentsList(),
                        spec.getEnvironmentList())
                .flatMap(List::stream)
                .forEach(texts::append);
        require(texts.indexOf("\0") < 0, "spawn: expected texts without zero characters");
    }

    private static void require(boolean holds, String otherwise) throws RefusedException {
        if (!holds) {
            throw new RefusedException(otherwise);
        }
    }

    /**
     * Starts a process.
     *
     * @return its pid; it is our child
     * @throws IOException if its log cannot be opened
     * @throws LinuxException if it cannot be started
     */
    int launch(Spawn spec, List<Descriptor> inherit) throws IOException {
        int[] numbers = new int[FIRST_INHERITED + inherit.size()];
        for (int i = 0; i < inherit.size(); i++) {
            numbers[FIRST_INHERITED + i] = inherit.get(i).number();
        }
        numbers[0] = Processes.DEV_NULL;
        if (spec.getLogFile().isEmpty()) {
            numbers[1] = Processes.DEV_NULL;
            numbers[2] = Processes.DEV_NULL;
            return spawn(spec, numbers);
        }
        try (Descriptor log = LogFile.open(Path.of(spec.getLogFile()))) {
            numbers[1] = log.number();
            numbers[2] = log.number();
            return spawn(spec, numbers);
        }
    }

    private int spawn(Spawn spec, int[] numbers) {
        Map<String, String> environment = new LinkedHashMap<>(System.getenv());
        for (String entry : spec.getEnvironmentList()) {
            int equals = entry.indexOf('=');
            environment.put(entry.substring(0, equals), entry.substring(equals + 1));
        }
        environment.put(MARK, mark(spec.getProcess()));
        List<String> entries = new ArrayList<>();
        environment.forEach((name, value) -> entries.add(name + "=" + value));
        return Processes.spawn(
                spec.getExecutable(), spec.getArgumentsList(), entries, numbers, true);
    }
}
