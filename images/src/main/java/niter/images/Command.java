package niter.images;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** A program of the machine, run to its end. */
final class Command {
    private static final int MAX_KEPT_LINES = 10_000;

    private Command() {}

    /**
     * How it ended.
     *
     * @param status its exit status
     * @param output standard output, by line
     * @param errors standard error, by line
     */
    record Result(int status, List<String> output, List<String> errors) {
        boolean good() {
            return status == 0;
        }

        /** The last line it complained with, for a message. */
        String complaint() {
            return errors.isEmpty() ? "exit status " + status : errors.getLast().strip();
        }
    }

    static Result run(List<String> command, Map<String, String> environment) {
        return run(command, environment, line -> {});
    }

    /**
     * Runs it; standard input is empty. The child is ended when this process is.
     *
     * @param eachLine hears standard output while the program runs
     * @throws ImageException if there is no such program
     */
    static Result run(
            List<String> command, Map<String, String> environment, Consumer<String> eachLine) {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("LC_ALL", "C");
        builder.environment().putAll(environment);
        builder.redirectInput(Path.of("/dev/null").toFile());
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            throw new ImageException(
                    "Cannot start %s (%s): install it"
                            .formatted(command.getFirst(), e.getMessage()),
                    e);
        }
        Thread end = new Thread(process::destroy, "end-" + process.pid());
        Runtime.getRuntime().addShutdownHook(end);
        try {
            List<String> errors = new ArrayList<>();
            Thread reader =
                    Thread.ofPlatform()
                            .daemon()
                            .start(() -> read(process.errorReader(), errors, line -> {}));
            List<String> output = new ArrayList<>();
            read(
                    new BufferedReader(
                            new InputStreamReader(
                                    process.getInputStream(), StandardCharsets.UTF_8)),
                    output,
                    eachLine);
            int status = process.waitFor();
            reader.join();
            checkNotInterrupted(status);
            return new Result(status, List.copyOf(output), List.copyOf(errors));
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
            throw new ImageException("Interrupted", e);
        } finally {
            try {
                Runtime.getRuntime().removeShutdownHook(end);
            } catch (IllegalStateException e) {
                // The hook is running: the child is being ended.
            }
        }
    }

    /**
     * A terminal's Ctrl-C reaches the child too: that it was ended says nothing about its work.
     *
     * @throws ImageException for the statuses of SIGINT and SIGTERM
     */
    static void checkNotInterrupted(int status) {
        if (status == 128 + 2 || status == 128 + 15) {
            throw new ImageException("Interrupted: run again");
        }
    }

    private static void read(BufferedReader from, List<String> into, Consumer<String> each) {
        try (from) {
            for (String line = from.readLine(); line != null; line = from.readLine()) {
                if (into.size() < MAX_KEPT_LINES) {
                    into.add(line);
                }
                each.accept(line);
            }
        } catch (IOException e) {
            // The child ended in the middle of a line: its exit status says the rest.
        }
    }
}
