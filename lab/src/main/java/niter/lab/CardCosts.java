package niter.lab;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import niter.linux.Processes;
import niter.linux.Signals;

/** What the card's JVM does beside the work: collections, allocation, system calls. */
final class CardCosts {
    private static final Job JOB = Job.of(4096, 32, false, false);
    private static final double TRACED_SECONDS = 3;
    private static final Pattern ALLOCATED = Pattern.compile("allocated=(\\d+)([BKMG])");
    private static final Pattern TOTAL =
            Pattern.compile("(?m)^ *100\\.00 +\\S+ +(?:\\S+ +)?(\\d+)(?: +\\d+)? +total$");
    private static final Path STRACE = Path.of("/usr/bin/strace");

    private final EbsHost host;
    private final CardCarrier card;
    private final Path collections;

    CardCosts(EbsHost host, CardCarrier card, Path collections) {
        this.host = host;
        this.card = card;
        this.collections = collections;
    }

    /** Prints a line for each, after so many seconds of work. */
    void print(double seconds) throws IOException {
        System.err.println("observing");
        long pauses = pauses();
        long before = allocated();
        Carrier.Counted counted = card.run(JOB, seconds);
        long allocated = allocated() - before;
        System.out.printf(
                Locale.ROOT,
                "collections in %.0f s of %s (goal: 0): %d%n",
                seconds,
                JOB.name(),
                pauses() - pauses);
        System.out.println(
                before < 0
                        ? "allocation: not measured: no jcmd beside the JVM"
                        : String.format(
                                Locale.ROOT,
                                "allocation of the function's thread (goal: 0): %.3f bytes an I/O",
                                Math.max(0, allocated) / (1.25 * counted.commands())));
        systemCalls();
    }

    private long pauses() throws IOException {
        try (var lines = Files.lines(collections)) {
            return lines.filter(line -> line.contains("Pause")).count();
        }
    }

    /** Bytes that the function's thread has allocated in its life; -1 where nobody tells. */
    private long allocated() throws IOException {
        Path jcmd = java().resolveSibling("jcmd");
        if (!Files.exists(jcmd)) {
            return -1;
        }
        String pid = Integer.toString(host.card.process().getPid());
        String text = output(jcmd.toString(), pid, "Thread.print", "-e");
        String line =
                text.lines()
                        .filter(one -> one.startsWith("\"" + EbsHost.thread() + "\""))
                        .findFirst()
                        .orElse("");
        Matcher matcher = ALLOCATED.matcher(line);
        return matcher.find()
                ? Long.parseLong(matcher.group(1)) << 10 * "BKMG".indexOf(matcher.group(2))
                : -1;
    }

    private static Path java() {
        return Path.of(ProcessHandle.current().info().command().orElse("/usr/bin/java"));
    }

    private void systemCalls() throws IOException {
        if (!Files.isExecutable(STRACE)) {
            System.out.println("system calls: not measured: no strace");
            return;
        }
        Path summary = collections.resolveSibling("strace");
        Process trace =
                new ProcessBuilder(
                                STRACE.toString(),
                                "-c",
                                "-f",
                                "-o",
                                summary.toString(),
                                "-p",
                                Integer.toString(host.card.process().getPid()))
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start();
        try {
            Carrier.Counted counted = card.run(JOB, TRACED_SECONDS);
            Processes.kill((int) trace.pid(), Signals.SIGINT);
            if (!trace.waitFor(20, TimeUnit.SECONDS)) {
                throw new IOException("strace does not end");
            }
            Matcher total = TOTAL.matcher(Files.readString(summary));
            System.out.println(
                    total.find()
                            ? String.format(
                                    Locale.ROOT,
                                    "system calls of the card, slowed by strace: %.2f an I/O",
                                    Long.parseLong(total.group(1)) / (1.25 * counted.commands()))
                            : "system calls: not measured: strace may not trace the card");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            trace.destroyForcibly();
        }
    }

    private static String output(String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
}
