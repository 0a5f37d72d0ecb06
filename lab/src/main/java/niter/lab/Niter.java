package niter.lab;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The niter command. */
record Niter(String command) {
    /** Starts it; standard error is ours. */
    Process start(String... arguments) throws IOException {
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(List.of(arguments));
        return new ProcessBuilder(all)
                .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** What it prints on standard output; IOException where it fails. */
    String output(String... arguments) throws IOException, InterruptedException {
        Process process = start(arguments);
        byte[] output = process.getInputStream().readAllBytes();
        finish(process, arguments);
        return new String(output, StandardCharsets.UTF_8);
    }

    /** Waits for its end; IOException where it fails. */
    void finish(Process process, String... arguments) throws IOException, InterruptedException {
        int status = process.waitFor();
        if (status != 0) {
            throw new IOException("niter " + String.join(" ", arguments) + ": status " + status);
        }
    }

    /** Seconds that it takes. */
    double seconds(String... arguments) throws IOException, InterruptedException {
        long start = System.nanoTime();
        output(arguments);
        return (System.nanoTime() - start) / 1e9;
    }
}
